package tomlfile

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value returns a bool, a number, a string, or a slice or array of these in TOML. Strings are in double quotes. A float without a
// fraction has no point (2.0 gives 2), which TOML reads as an integer and Decode converts back. TOML is UTF-8: a byte of a string
// that is not becomes U+FFFD. Value panics on other types.
func Value(v any) string {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return quote(r.String())
	case reflect.Bool:
		return strconv.FormatBool(r.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(r.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(r.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strings.ToLower(strconv.FormatFloat(r.Float(), 'g', -1, r.Type().Bits())) // NaN and +Inf
	case reflect.Slice, reflect.Array:
		parts := make([]string, r.Len())
		for i := range parts {
			parts[i] = Value(r.Index(i).Interface())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		panic(fmt.Sprintf("tomlfile: a %T has no TOML value here: want a bool, number, string or a slice of these", v))
	}
}

// Key returns a name as a TOML key, in quotes if it needs them.
func Key(name string) string {
	bare := name != ""
	for _, c := range name {
		bare = bare && (c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}
	if bare {
		return name
	}
	return quote(name)
}

// Text returns a text of several lines as a string that keeps them, between lines of three single quotes. A text that such a string
// cannot hold is in double quotes, as in Value.
func Text(s string) string {
	control := func(r rune) bool { return (r < ' ' || r == 0x7f) && r != '\n' && r != '\t' }
	if strings.Contains(s, "'''") || strings.HasSuffix(s, "'") || strings.ContainsFunc(s, control) || !utf8.ValidString(s) {
		return quote(s)
	}
	return "'''\n" + s + "'''"
}

// quote writes a basic string. strconv.Quote would not do: TOML has no \a, \v and \xff.
func quote(s string) string {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s { // U+FFFD for each byte that is not UTF-8
		switch e, ok := short[r]; {
		case ok:
			b.WriteString(e)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

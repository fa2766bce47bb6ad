package data

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns text with each character that would change a terminal or break a line replaced by its escape sequence in Go, such as \n or
// \x1b: control characters, line and paragraph separators, characters that reverse the direction of text, and bytes that are not UTF-8. Names
// of files and classes may hold any of these. Printable text is returned as it is, so that a text may be passed twice.
func Printable(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, isUnprintable) {
		return text
	}
	var out strings.Builder
	for i, n := 0, 0; i < len(text); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(text[i:])
		part := text[i : i+n]
		if isUnprintable(r) || r == utf8.RuneError && n == 1 {
			part = strconv.QuoteToASCII(part)
			part = part[1 : len(part)-1]
		}
		out.WriteString(part)
	}
	return out.String()
}

func isUnprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// printableError is an error with a printable message.
type printableError struct{ error }

func (e printableError) Error() string { return Printable(e.error.Error()) }
func (e printableError) Unwrap() error { return e.error }

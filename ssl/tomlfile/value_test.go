package tomlfile

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// readBack returns the value that the library reads for text, as a key's value.
func readBack(t *testing.T, text string) any {
	t.Helper()
	f, err := Parse("a = " + text + "\n")
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return nil
	}
	return f.Keys["a"]
}

func TestStringsAreReadBackAsTheyWere(t *testing.T) {
	for _, s := range []string{"", "plain", "/a path/with spaces ", "a\aé\"'''\n\\", "C:\\new\\table", "\x00\x01\x1f\x7f\u0080\ufeff\u2028", "tab\tcr\rlf\n", "図 🦊", "'''", `"""`} {
		if got := readBack(t, Value(s)); got != s {
			t.Errorf("%q: read back as %q from %s", s, got, Value(s))
		}
		if got := readBack(t, Text(s)); got != s {
			t.Errorf("%q: read back as %q from %s", s, got, Text(s))
		}
		f, err := Parse(Key(s) + " = 1")
		if err != nil || f.Keys[s] == nil {
			t.Errorf("%q as a key, %s: %v", s, Key(s), err)
		}
	}
	if got := readBack(t, Value("a\aé\xff\"'''\n\\")); got != "a\aé\ufffd\"'''\n\\" {
		t.Errorf("a byte that is not UTF-8 is read back as %q, want U+FFFD", got)
	}
}

func TestValuesAreReadBack(t *testing.T) {
	for _, c := range []struct{ v, want any }{
		{true, true}, {false, false}, {7, int64(7)}, {int64(math.MinInt64), int64(math.MinInt64)}, {uint64(1), int64(1)}, {uint8(255), int64(255)},
		{0.1, 0.1}, {1e-7, 1e-7}, {5e-324, 5e-324}, {math.MaxFloat64, math.MaxFloat64}, {-2.0, int64(-2)}, {1e6, 1e6}, {math.Inf(1), math.Inf(1)}, {math.Inf(-1), math.Inf(-1)},
		{float32(0.1), 0.1}, {[2]float64{0.08, 1}, []any{0.08, int64(1)}}, {[]string{"a", "\""}, []any{"a", "\""}}, {[]int{}, []any{}},
	} {
		if got := readBack(t, Value(c.v)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: read back as %#v from %s", c.v, got, Value(c.v))
		}
	}
	if got := readBack(t, Value(math.NaN())); got == got {
		t.Errorf("NaN: read back as %v", got)
	}
	var to struct{ Rate float64 }
	if err := Decode("Rate = "+Value(2.0), &to); err != nil || to.Rate != 2 {
		t.Errorf("2.0 into a float: %v, %v", to.Rate, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a map has a value")
		}
	}()
	Value(map[string]int{})
}

func TestTextKeepsItsLines(t *testing.T) {
	if got := Text("[all]\nblur = 1\n"); got != "'''\n[all]\nblur = 1\n'''" {
		t.Error(got)
	}
	if got := Text("''' or \a"); strings.Contains(got, "\n") {
		t.Error(got)
	}
}

func FuzzStringsAreReadBack(f *testing.F) {
	f.Add("a\aé\xff\"'''\n\\")
	f.Fuzz(func(t *testing.T, s string) {
		want := s
		if !utf8.ValidString(s) {
			want = strings.Map(func(r rune) rune { return r }, s) // one U+FFFD a byte
		}
		for _, text := range []string{Value(s), Text(s)} {
			if got := readBack(t, text); got != want {
				t.Errorf("%q: read back as %q from %s", s, got, text)
			}
		}
	})
}

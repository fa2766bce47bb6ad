package tomlfile

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const document = `# a comment
b = 1
a = "x" # the second

c.d = [
	1,
	{ e = 2 },
]
text = '''
first
[not.a.table]
key = 1
'''
line = "y"
short = """z
"""

[f]
"odd \u006Bey" = { g = 3, h = { i = 4 } }
[f.j]
k = 5

[[view]]
size = 1

[[view]]

[view.blur]
p = 1
[[view.part]]
[[view.part]]
q = 2
`

func TestEveryKeyHasItsLine(t *testing.T) {
	f, err := Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"b": 2, "a": 3, "c": 5, "c d": 5, "c d 1 e": 7, "text": 9, "line": 14, "short": 15, "f": 18, "f odd_key": 19, "f odd_key h i": 19,
		"f j": 20, "f j k": 21, "view": 23, "view 0": 23, "view 0 size": 24, "view 1": 26, "view 1 blur": 28, "view 1 blur p": 29,
		"view 1 part 0": 30, "view 1 part 1": 31, "view 1 part 1 q": 32,
		"view 1 blur sigma": 28, "view 0 blur p": 23, "nothing": 0, "not": 0, "key": 0, // the nearest table that is there
	} {
		if got := f.Line(split(path)...); got != want {
			t.Errorf("%s: line %d, want %d", path, got, want)
		}
	}
	for path, want := range map[string]int{"a": 3, "text": 10, "line": 14, "short": 15, "b": 0, "nothing": 0} {
		if got := f.TextLine(split(path)...); got != want {
			t.Errorf("text of %s: line %d, want %d", path, got, want)
		}
	}
	if crlf, err := Parse(strings.ReplaceAll(document, "\n", "\r\n")); err != nil || !reflect.DeepEqual(crlf.at, f.at) {
		t.Errorf("the same with CRLF: %v, %v, want %v", err, crlf, f.at)
	}
}

func split(path string) []string {
	parts := strings.Fields(path)
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(p, "_", " ")
	}
	return parts
}

func TestNamesAreInTheOrderOfTheDocument(t *testing.T) {
	f, err := Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "b a c text line short f view", "f": "odd key j", "f j": "k", "nothing": ""} {
		if got := strings.Join(f.Names(split(path)...), " "); got != want {
			t.Errorf("names of %q: %s, want %s", path, got, want)
		}
	}
}

func TestSyntaxErrorsHaveTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"a = 1\nb = \n": "line 2: ", "\n[[view]\n": "line 2: ", "a = 1\n\na = 2\n": "line 3: ", "[a]\nb = 1\n[a]\n": "line 3: ", "x = \"\xff\"": "line 1: ",
	} {
		if _, err := Parse(text); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "toml: ") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestDecodeRefusesKeysThatTheStructLacks(t *testing.T) {
	var to struct {
		Rate    float64        `toml:"rate"`
		Names   []string       `toml:"names"`
		Options map[string]any `toml:"options"`
	}
	if err := Decode("rate = 2\nnames = [\"a\"]\noptions.x = 1\noptions.y = 1.5\n", &to); err != nil {
		t.Fatal(err)
	}
	if to.Rate != 2 || !slices.Equal(to.Names, []string{"a"}) || to.Options["x"] != int64(1) || to.Options["y"] != 1.5 {
		t.Errorf("%+v", to)
	}
	for text, want := range map[string]string{
		"rate = 2\n\nrat = 3\n":  "line 3: unknown setting rat: remove it",
		"[deep]\n[deep.er]\na=1": "unknown setting deep",
		"\nrate = \"fast\"":      "line 2: ",
		"rate":                   "line 1: ",
	} {
		if err := Decode(text, &to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

package views

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// blocks returns the code blocks of a language in README.md.
func blocks(t *testing.T, language string) (out []string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(text), "```") {
		if body, ok := strings.CutPrefix(part, language+"\n"); ok && i%2 == 1 {
			out = append(out, body)
		}
	}
	return out
}

func TestRecipesOfTheREADMEAreValidAndUseEveryKey(t *testing.T) {
	recipes := blocks(t, "toml")
	if len(recipes) != 3 {
		t.Fatalf("%d recipes", len(recipes))
	}
	in := Input{Size: 32, Channels: 3, Frames: 3}
	for i, want := range []int{2, 4, 4} {
		specs, err := Decode(recipes[i], in, preset(t, "simclr", 32))
		if err != nil || len(specs) != want {
			t.Errorf("%d views, want %d, %v:\n%s", len(specs), want, err, recipes[i])
		}
	}
	for _, name := range names(reflect.ValueOf(Spec{})) {
		if !strings.Contains(recipes[2], "\n"+name+" = ") {
			t.Errorf("%s is missing in the recipe with every key", name)
		}
	}
	_, err := Decode("from = \"none\"\n\n[[view]]\ngrayscale = 2\n", in, nil)
	if want := blocks(t, "text")[0]; err == nil || err.Error()+"\n" != want {
		t.Errorf("error %q, the README has %q", err, want)
	}
}

func TestREADMENamesEveryPreset(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Presets() {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("preset %s is missing", name)
		}
	}
}

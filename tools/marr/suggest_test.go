package main

import (
	"runtime"
	"slices"
	"testing"
)

func TestNearestNames(t *testing.T) {
	t.Parallel()
	names := []string{"lr", "learning-rate", "batch", "batch-size", "temperature", "teacher-temperature", "epochs", "eval-every", "norm"}
	for word, want := range map[string]string{
		"leraning-rate": "learning-rate", "learning_rate": "learning-rate", "epoch": "epochs", "bacth": "batch", "temp": "temperature", "temperatur": "temperature",
		"teacher": "teacher-temperature", "norn": "norm", "frobnicate": "", "x": "", "": "", "every": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}

func TestQuotedTextIsAWordOfAShell(t *testing.T) {
	t.Parallel()
	path := map[bool]string{true: `"C:\my photos"`, false: `"C:\\my photos"`}[runtime.GOOS == "windows"]
	for text, want := range map[string]string{"": `""`, `C:\photos`: `C:\photos`, `C:\my photos`: path, "a\nb": `"a\nb"`, "a\u00a0b": `"a\u00a0b"`, `a" b`: `"a\" b"`} {
		if got := quoted(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// A name that is listed for several flags, or that is a flag of its own where its present one is too, would be ambiguous.
func TestOtherNamesAreUniqueAndLeadToFlags(t *testing.T) {
	t.Parallel()
	var names []string
	for _, other := range otherNames {
		if slices.Contains(names, other.name) {
			t.Errorf("--%s is listed twice", other.name)
		}
		names = append(names, other.name)
		found := false
		for _, c := range commands() {
			fs, _ := c.declare()
			f := fs.Lookup(other.name)
			found = found || f != nil && f.Name == other.now
			if f != nil && f.Name != other.now {
				t.Errorf("%s: --%s is a flag of its own", c.name, other.name)
			}
		}
		if !found {
			t.Errorf("no command has --%s", other.now)
		}
	}
}

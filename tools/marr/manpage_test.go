package main

import (
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestManPageHasEveryCommandAndFlagOfTheHelp(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	printManPage(&b, &debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.time", Value: "2026-11-29T11:11:36Z"}},
	})
	page := b.String()
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, ".") && !regexp.MustCompile(`^\.(TH|SH|SS|PP|TP|B|I)\b`).MatchString(line) {
			t.Errorf("%q is an unknown macro", line)
		}
	}
	if !strings.HasPrefix(page, `.TH MARR 1 "2026-11-29" "marr v1.2.3" `) {
		t.Errorf("the page begins with %.60q", page)
	}
	plain := strings.NewReplacer(`\-`, `-`, `\e`, `\`, `\&`, ``, `\fB`, ``, `\fI`, ``, `\fR`, ``).Replace(page)
	for _, c := range commands() {
		_, after, found := strings.Cut(plain, "\n.SS marr "+c.name)
		if !found {
			t.Errorf("no section of %s", c.name)
			continue
		}
		text, _, _ := strings.Cut(after, "\n.S")
		fs, _ := c.declare()
		fs.VisitAll(func(f *pflag.Flag) {
			if _, owned := ownerOf(f); owned || f.Hidden {
				return
			}
			if _, usage := pflag.UnquoteUsage(f); !strings.Contains(text, "\n--"+f.Name) || !strings.Contains(words(text), words(usage)) {
				t.Errorf("%s: no --%s or its text %q", c.name, f.Name, usage)
			}
		})
	}
}

func TestManPageEscapesWhatItsMacrosInterpret(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{".npy or .csv": `\&.npy or .csv`, "'a'": `\&'a'`, `C:\x --y`: `C:\ex \-\-y`, "a\n.b": "a .b"} {
		if got := roff(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

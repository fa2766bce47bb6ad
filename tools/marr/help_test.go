package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
)

// lists reports whether a help text has a line for a flag. That of a boolean flag is --name[=true|false].
func lists(help, name string) bool {
	return strings.Contains(help, " --"+name+" ") || strings.Contains(help, " --"+name+"[")
}

// words joins the words of a text by single spaces.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// headings returns the headings of a help text, in order.
func headings(help string) (out []string) {
	for _, m := range regexp.MustCompile(`(?m)^(\w+):$`).FindAllStringSubmatch(help, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestHelpListsEveryFlagWithItsTextInTheOrderOfTheGroups(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		help := ok(t, c.name, "--help")
		if !strings.HasPrefix(help, "usage: marr "+c.name) || strings.Contains(help, "%!") || strings.Contains(help, "(default 0s)") {
			t.Errorf("%s --help prints %q", c.name, help)
		}
		if same := ok(t, "help", c.name); same != help {
			t.Errorf("marr help %s and marr %s --help differ:\n%s", c.name, c.name, same)
		}
		var known []string
		for _, g := range groups {
			known = append(known, string(g))
		}
		at := -1
		for _, h := range headings(help) {
			if i := slices.Index(known, h); i <= at {
				t.Errorf("%s --help: heading %s after %s", c.name, h, known[at])
			} else {
				at = i
			}
		}
		fs, _ := c.declare()
		fs.VisitAll(func(f *pflag.Flag) {
			if _, owned := ownerOf(f); owned || f.Hidden {
				return
			}
			_, text := pflag.UnquoteUsage(f)
			if !lists(help, f.Name) || text == "" || !strings.Contains(words(help), words(text)) {
				t.Errorf("%s --help lacks --%s or its text %q:\n%s", c.name, f.Name, text, help)
			}
		})
	}
}

func TestFlagsWithoutAGroupAreGeneralAndInnerGroupsKeepTheirFlags(t *testing.T) {
	t.Parallel()
	c := command{"try", "", "try", func(fs *pflag.FlagSet) func(context.Context, []string) error {
		fs.Int("none", 0, "in no group")
		end := inGroup(fs, dataGroup)
		fs.Int("outer", 0, "in the outer group")
		deviceFlag(fs)
		end()
		return nil
	}}
	fs, _ := c.declare()
	for name, want := range map[string]group{"none": generalGroup, "outer": dataGroup, "device": deviceGroup} {
		if got := groupOf(fs.Lookup(name)); got != want {
			t.Errorf("--%s is in the group %s, want %s", name, got, want)
		}
	}
}

// A method's help lists its own options with its own defaults, and no option of another method.
func TestHelpListsTheOptionsOfTheChosenMethodAndArchitecture(t *testing.T) {
	t.Parallel()
	create := map[string]func(string) (any, error){
		"method": func(name string) (any, error) {
			m, err := ssl.New(name)
			if err == nil {
				ssl.Defaults(m, smallScale, "")
			}
			return m, err
		},
		"arch": func(name string) (any, error) { return net.NewArchitecture(name) },
	}
	all := map[string][]string{"method": ssl.Methods(), "arch": net.Architectures()}
	options := map[string]bool{}
	for _, name := range all["method"] {
		m, err := ssl.New(name)
		if err != nil {
			t.Fatal(err)
		}
		for option := range registry.Values(m) {
			options[option] = true
		}
	}
	for kind, names := range all {
		for _, name := range names {
			v, err := create[kind](name)
			if err != nil {
				t.Fatal(err)
			}
			help := ok(t, "pretrain", "--help", "--"+kind, name)
			own := registry.Values(v)
			for _, o := range registry.Options(v) {
				_, text, found := strings.Cut(help, " --"+o.Name)
				text, _, _ = strings.Cut(text, " --")
				if !found || !strings.Contains(words(text), words(o.Help)) {
					t.Errorf("%s: pretrain --help lacks --%s or its text", name, o.Name)
				}
				if n := fmt.Sprint(o.Get()); !isZero(n) && !strings.Contains(words(text), "default: "+byPlan) && !strings.Contains(words(text), "(default "+n+")") {
					t.Errorf("%s: --%s: default %s is missing in %q", name, o.Name, n, text)
				}
			}
			for option := range options {
				if _, mine := own[option]; kind == "method" && !mine && lists(help, option) {
					t.Errorf("pretrain --method %s --help lists --%s, an option of another method", name, option)
				}
			}
		}
	}
	help := ok(t, "pretrain", "--help")
	for option := range options {
		if lists(help, option) {
			t.Errorf("pretrain --help lists --%s without a --method", option)
		}
	}
	if !strings.Contains(help, "marr pretrain --method NAME --help") {
		t.Errorf("pretrain --help does not say how to list the options of a method:\n%s", help)
	}
}

func TestHelpDescribesDefaultsInWords(t *testing.T) {
	t.Parallel()
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.Int("width", 0, "width; 0: twice the backbone's (paper: 4096)")
	fs.Int("few", 0, "a number; default 7, fewer if a row takes long")
	fs.Int("plain", 0, "a number that may be 0")
	fs.Float64("rate", 0.5, "a rate; 0: none")
	fs.Float64("end", -1, "a rate (paper: 0.4); -1: as --rate")
	fs.Int("epochs", 0, "passes over the images")
	fs.String("kind", "cosine", "a name")
	unsetMeans(fs, "chosen by the plan", "epochs", "rate")
	for name, want := range map[string]string{
		"width": "width; 0: twice the backbone's (paper: 4096) (default: twice the backbone's)", "few": "a number; default 7, fewer if a row takes long",
		"plain": "a number that may be 0 (default 0)", "end": "a rate (paper: 0.4); -1: as --rate (default: as --rate)", "rate": "a rate; 0: none (default 0.5)", "epochs": "passes over the images (default: chosen by the plan)",
		"kind": "a name (default cosine)",
	} {
		if got := withDefault(fs.Lookup(name)).Usage; got != want {
			t.Errorf("--%s: %q, want %q", name, got, want)
		}
	}
}

package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
)

// group is a heading in the help of a command.
type group string

const (
	generalGroup      group = "General" // of flags without a group
	dataGroup         group = "Data"
	methodGroup       group = "Method"
	networkGroup      group = "Network"
	optimizationGroup group = "Optimization"
	evaluationGroup   group = "Evaluation"
	outputGroup       group = "Output"
	deviceGroup       group = "Device"
)

// groups lists all groups in the order of the help.
var groups = []group{generalGroup, dataGroup, methodGroup, networkGroup, optimizationGroup, evaluationGroup, outputGroup, deviceGroup}

// The keys of what a flag's annotations tell about it, besides its help text.
const (
	groupKey     = "group"
	defaultKey   = "default"   // in words
	choicesKey   = "choices"   // all values that the flag accepts
	examplesKey  = "examples"  // some values that the flag accepts
	exclusiveKey = "exclusive" // a flag that may not be given beside this one, and what both are
)

// inGroup begins a group of the help. It contains the flags that are declared before end is called, except those of a group within it:
//
//	defer inGroup(fs, deviceGroup)()
func inGroup(fs *pflag.FlagSet, g group) (end func()) {
	declared := map[string]bool{}
	fs.VisitAll(func(f *pflag.Flag) { declared[f.Name] = true })
	return func() {
		fs.VisitAll(func(f *pflag.Flag) {
			if !declared[f.Name] && f.Annotations[groupKey] == nil {
				annotate(f, groupKey, string(g))
			}
		})
	}
}

func annotate(f *pflag.Flag, key string, values ...string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = values
}

// choices declares all values that a flag accepts, for completion and for the message about another value.
func choices(fs *pflag.FlagSet, name string, values []string) {
	annotate(fs.Lookup(name), choicesKey, values...)
}

// examples declares some of the values that a flag accepts, for completion.
func examples(fs *pflag.FlagSet, name string, values []string) {
	annotate(fs.Lookup(name), examplesKey, values...)
}

// exclusive declares that only one of two flags may be given. text says what they are.
func exclusive(fs *pflag.FlagSet, name, other, text string) {
	annotate(fs.Lookup(name), exclusiveKey, other, text)
}

// byPlan is the default of settings that marr pretrain chooses for the images and the device.
const byPlan = "chosen by the plan"

// planned declares that the defaults of flags are chosen by the plan.
func planned(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		annotate(fs.Lookup(name), defaultKey, byPlan)
	}
}

// unsetMeans describes in the help what happens without a flag, for flags whose default is empty or 0.
func unsetMeans(fs *pflag.FlagSet, text string, names ...string) {
	for _, name := range names {
		if f := fs.Lookup(name); isZero(f.DefValue) {
			annotate(f, defaultKey, text)
		}
	}
}

// section is a group of flags as the help lists them, with their defaults in their texts. note is a line about flags that are not listed, or "".
type section struct {
	group group
	flags *pflag.FlagSet
	note  string
}

// sections returns a command's flags in their groups. Options of a method or an architecture are among them if it is chosen.
func (c command) sections(fs *pflag.FlagSet) (out []section) {
	flags, notes := map[group]*pflag.FlagSet{}, map[group]string{}
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		g := groupOf(f)
		shown := *f
		if kind, owned := ownerOf(f); owned {
			options, err := optionsOf(kind, fs.Lookup(kind).Value.String())
			if err != nil { // none is chosen
				notes[g] = fmt.Sprintf("marr %s --%s NAME --help lists the options of %s.", c.name, kind, withArticle[kind])
				return
			}
			i := slices.IndexFunc(options, func(o registry.Option) bool { return o.Name == f.Name })
			if i < 0 {
				return
			}
			shown.Usage, shown.DefValue = f.Annotations[kind][0]+options[i].Help, fmt.Sprint(options[i].Get())
			if kind == "method" && variesWithScale(fs.Lookup(kind).Value.String(), i) {
				shown.Annotations = map[string][]string{defaultKey: {byPlan}}
			}
		}
		if flags[g] == nil {
			flags[g] = pflag.NewFlagSet(string(g), pflag.ContinueOnError)
			flags[g].SortFlags = false
		}
		flags[g].AddFlag(withDefault(&shown))
	})
	for _, g := range groups {
		if flags[g] != nil {
			out = append(out, section{g, flags[g], notes[g]})
		}
	}
	return out
}

// printHelp prints a command's summary and flags.
func (c command) printHelp(out io.Writer, fs *pflag.FlagSet) {
	width := 100
	if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil { // stdout is a terminal
		width = min(width, columns)
	}
	fmt.Fprintf(out, "usage: %s\n%s\n", c.synopsis(), c.sentence())
	for _, s := range c.sections(fs) {
		fmt.Fprintf(out, "\n%s:\n%s", s.group, s.flags.FlagUsagesWrapped(width))
		if s.note != "" {
			fmt.Fprintf(out, "  %s\n", s.note)
		}
	}
}

// synopsis returns the form of a command line.
func (c command) synopsis() string {
	return strings.TrimRight("marr "+c.name+" "+c.args, " ") + " [flags]"
}

// sentence returns the summary as a sentence.
func (c command) sentence() string { return strings.ToUpper(c.summary[:1]) + c.summary[1:] + "." }

// groupOf returns the group of a flag.
func groupOf(f *pflag.Flag) group {
	if g := f.Annotations[groupKey]; g != nil {
		return group(g[0])
	}
	return generalGroup
}

// withArticle names the flags whose values have options of their own.
var withArticle = map[string]string{"method": "a method", "arch": "an architecture"}

// ownerOf returns the flag, method or arch, whose values have f as an option.
func ownerOf(f *pflag.Flag) (kind string, ok bool) {
	for kind := range withArticle {
		if f.Annotations[kind] != nil {
			return kind, true
		}
	}
	return "", false
}

// optionsOf returns the options of a method or an architecture.
func optionsOf(kind, name string) ([]registry.Option, error) {
	if kind == "arch" {
		a, err := net.NewArchitecture(name)
		if err != nil {
			return nil, err
		}
		return registry.Options(a), nil
	}
	return methodOptions(name, smallScale)
}

// Two runs of very different scale: an option of a method that differs between them depends on the scale.
var (
	smallScale = ssl.Scale{Images: 3000, Size: 64, Dim: 128, Epochs: 50, Batch: 64}
	largeScale = ssl.Scale{Images: 2e6, Size: 224, Dim: 2048, Epochs: 1000, Batch: 256}
)

// methodOptions returns the options of a method with the defaults that they have in a run of this scale.
func methodOptions(name string, s ssl.Scale) ([]registry.Option, error) {
	m, err := ssl.New(name)
	if err != nil {
		return nil, err
	}
	ssl.Defaults(m, s, "")
	return registry.Options(m), nil
}

// variesWithScale reports whether the default of option i of a method depends on the scale of the run.
func variesWithScale(name string, i int) bool {
	small, err := methodOptions(name, smallScale)
	large, err2 := methodOptions(name, largeScale)
	return err == nil && err2 == nil && small[i].Get() != large[i].Get()
}

// withDefault returns a flag whose help text ends with its default. If the text says what that value means, as in "0: no limit", the meaning stands there.
func withDefault(f *pflag.Flag) *pflag.Flag {
	text := ""
	meaning := regexp.MustCompile(`(?:^|; |: )` + regexp.QuoteMeta(f.DefValue) + `: ([^;(]*[^;( ])`).FindStringSubmatch(f.Usage)
	switch {
	case f.Annotations[defaultKey] != nil:
		text = "default: " + f.Annotations[defaultKey][0]
	case f.DefValue != "" && meaning != nil:
		text = "default: " + meaning[1]
	case !isZero(f.DefValue):
		text = "default " + f.DefValue
	case f.DefValue == "0" && !strings.Contains(f.Usage, "default"):
		text = "default 0"
	}
	shown := *f
	if text != "" {
		shown.Usage += " (" + text + ")"
	}
	switch f.Value.Type() { // without a default, which the text states
	case "string", "bool":
		shown.DefValue = ""
	case "intSlice":
		shown.DefValue = "[]"
	default:
		shown.DefValue = "0"
	}
	return &shown
}

// isZero reports whether a flag's default means that nothing was chosen.
func isZero(value string) bool {
	return value == "" || value == "0" || value == "0s" || value == "false"
}

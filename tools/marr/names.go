package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// otherNames lists names of flags that stand for their present ones: spellings of other programs, and those of the last release.
var otherNames = []struct {
	name, now string
	renamed   bool // the name of the last release, which will be removed
}{
	{name: "batch-size", now: "batch"},
	{name: "accum-steps", now: "accumulate"},
	{name: "clip-grad", now: "clip"},
	{name: "learning-rate", now: "lr"},
	{name: "min-lr", now: "lr-end"},
	{name: "wd", now: "weight-decay"},
	{name: "image-size", now: "size"},
	{name: "img-size", now: "size"},
	{name: "output", now: "out"},
	{name: "bn", now: "norm", renamed: true},
	{name: "head-bn", now: "head-norm", renamed: true},
	{name: "tile-normalisation", now: "tile-normalization", renamed: true},
}

// acceptOtherNames makes fs accept otherNames of its flags. Names of the last release print a notice.
func acceptOtherNames(fs *pflag.FlagSet) {
	now, renamed := map[string]string{}, map[string]bool{}
	for _, other := range otherNames {
		if fs.Lookup(other.name) == nil && fs.Lookup(other.now) != nil {
			now[other.name], renamed[other.name] = other.now, other.renamed
		}
	}
	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if now[name] == "" {
			return pflag.NormalizedName(name)
		}
		if renamed[name] {
			fmt.Fprintf(os.Stderr, "marr: --%s is now --%s; the old name will be removed\n", name, now[name])
		}
		return pflag.NormalizedName(now[name])
	})
}

// normName is the value of --norm and --head-norm. It accepts on and off, the values of the last release.
type normName string

func (n *normName) String() string { return string(*n) }
func (n *normName) Type() string   { return "string" }

// Set keeps the name, in its present spelling.
func (n *normName) Set(text string) error {
	switch *n = normName(text); text {
	case "on":
		*n = "batch"
	case "off":
		*n = "none"
	}
	return nil
}

package main

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl/data"
)

// The scripts call marr __complete with the words up to the cursor.
var (
	//go:embed completion/marr.bash
	bashCompletion string
	//go:embed completion/marr.zsh
	zshCompletion string
	//go:embed completion/marr.fish
	fishCompletion string
)

func completionCommand(*pflag.FlagSet) func(context.Context, []string) error {
	scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	return func(_ context.Context, args []string) error {
		if len(args) != 1 || scripts[args[0]] == "" {
			return usagef("completion: %q: choose one of bash, zsh, fish", strings.Join(args, " "))
		}
		fmt.Print(scripts[args[0]])
		return nil
	}
}

// candidate is a word that may stand at the cursor, and its description.
type candidate struct{ word, about string }

// printCandidates prints a candidate and its description on each line, separated by a tab.
func printCandidates(words []string) {
	for _, c := range complete(words) {
		fmt.Printf("%s\t%s\n", c.word, c.about)
	}
}

// complete returns the candidates for the last word of a command line, which may be empty. The command's name is not among the words. No candidates mean
// that a file may stand there.
func complete(words []string) (out []candidate) {
	if len(words) == 0 {
		return nil
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	if len(before) > 0 && before[0] == "help" {
		before = before[1:]
	}
	if len(before) == 0 {
		out = commandCandidates(len(words) > 1)
	} else if i := slices.Index(names(), before[0]); i >= 0 {
		out = commands()[i].complete(before[1:], last)
	}
	return slices.DeleteFunc(out, func(c candidate) bool { return !strings.HasPrefix(c.word, last) })
}

func commandCandidates(afterHelp bool) (out []candidate) {
	for _, c := range commands() {
		out = append(out, candidate{c.name, c.summary})
	}
	if !afterHelp {
		out = append(out, candidate{"help", "list commands, or the flags of a command"})
	}
	return out
}

// complete returns the candidates after some words of the command.
func (c command) complete(before []string, last string) []candidate {
	fs, _ := c.declare()
	flag, arguments := readWords(fs, before)
	switch name, _, hasValue := strings.Cut(last, "="); {
	case flag != nil:
		return valuesOf(flag, last, "")
	case hasValue && strings.HasPrefix(name, "--"):
		if flag = fs.Lookup(name[2:]); flag == nil {
			return nil
		}
		return valuesOf(flag, last[len(name)+1:], name+"=")
	case strings.HasPrefix(last, "-"):
		return flagCandidates(fs, strings.Trim(last, "-") != "")
	case c.args != "" && !strings.HasPrefix(c.args, "-"):
		if fields := strings.Fields(c.args); len(arguments) < len(fields) {
			return namedCandidates(fields[len(arguments)], last, "")
		}
		return nil
	case last == "":
		return flagCandidates(fs, false)
	}
	return nil
}

// readWords sets flags from words of a command line, as far as they can be read. It returns a flag that still needs its value, nil if there is none, and
// the words that are not flags.
func readWords(fs *pflag.FlagSet, words []string) (pending *pflag.Flag, arguments []string) {
	for _, w := range words {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		switch {
		case pending != nil:
			pending.Value.Set(w) // a wrong value is reported when the command runs
			pending = nil
		case !strings.HasPrefix(w, "--"):
			arguments = append(arguments, w)
		case fs.Lookup(name) == nil:
		case hasValue:
			fs.Lookup(name).Value.Set(value)
		case fs.Lookup(name).NoOptDefVal == "":
			pending = fs.Lookup(name)
		}
	}
	return pending, arguments
}

// flagCandidates returns the flags that the help lists, in its order, and on request their other names.
func flagCandidates(fs *pflag.FlagSet, withOtherNames bool) (out []candidate) {
	for _, g := range groups {
		fs.VisitAll(func(f *pflag.Flag) {
			if groupOf(f) == g && isListed(fs, f) {
				out = append(out, candidate{"--" + f.Name, firstClause(f)})
			}
		})
	}
	for _, other := range otherNames {
		if withOtherNames && !other.renamed && fs.Lookup(other.now) != nil {
			out = append(out, candidate{"--" + other.name, "the same as --" + other.now})
		}
	}
	return out
}

// isListed reports whether the help lists a flag: an option of a method or an architecture is listed if that is chosen.
func isListed(fs *pflag.FlagSet, f *pflag.Flag) bool {
	kind, owned := ownerOf(f)
	if !owned {
		return !f.Hidden
	}
	options, err := optionsOf(kind, fs.Lookup(kind).Value.String())
	return err == nil && slices.ContainsFunc(options, func(o registry.Option) bool { return o.Name == f.Name })
}

// clauseEnd matches the end of the first clause of a help text.
var clauseEnd = regexp.MustCompile(`[;:(,]`)

// firstClause returns the first clause of a flag's help text, without the name of its value and a colon.
func firstClause(f *pflag.Flag) string {
	name, text := pflag.UnquoteUsage(f)
	text = strings.TrimPrefix(text, name+": ")
	return strings.TrimSpace(clauseEnd.Split(text, 2)[0])
}

// valuesOf returns the values of a flag that can be listed, each after a prefix. Where a file may stand as well, the value must have begun.
func valuesOf(f *pflag.Flag, begun, prefix string) []candidate {
	name, _ := pflag.UnquoteUsage(f)
	switch {
	case f.Annotations[choicesKey] != nil:
		return wordCandidates(f.Annotations[choicesKey], prefix)
	case f.Annotations[examplesKey] != nil:
		return wordCandidates(f.Annotations[examplesKey], prefix)
	case strings.Contains(name, "|") || name == "D":
		return namedCandidates(name, begun, prefix)
	}
	return nil
}

// namedCandidates returns the words that a name lists, such as knn|linear, without those in capitals, which stand for others. D stands for images.
func namedCandidates(name, begun, prefix string) []candidate {
	if name == "D" && begun != "" {
		return wordCandidates(data.Builtins(), prefix)
	}
	listed := strings.Split(name, "|")
	return wordCandidates(slices.DeleteFunc(listed, func(w string) bool { return w == strings.ToUpper(w) }), prefix)
}

func wordCandidates(words []string, prefix string) (out []candidate) {
	for _, w := range words {
		out = append(out, candidate{word: prefix + w})
	}
	return out
}

package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
	"github.com/spf13/pflag"
)

// nearest returns the name that a word is probably meant to be: the one with the smallest edit distance, which is at most a third of the word's length,
// else the shortest name that begins with the word. It returns "" if there is none.
func nearest(word string, names []string) (best string) {
	distance := (len(word)+1)/3 + 1
	for _, name := range names {
		if d := levenshtein.Distance(word, name, nil); d < distance {
			best, distance = name, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, name := range names {
		if strings.HasPrefix(name, word) && (best == "" || len(name) < len(best)) {
			best = name
		}
	}
	return best
}

// didYouMean returns ": did you mean …?" with the name that is nearest to a word, "" if none is near.
func didYouMean(word, prefix string, names []string) string {
	if name := nearest(word, names); name != "" {
		return fmt.Sprintf(": did you mean %s%s?", prefix, name)
	}
	return ""
}

// quoted returns what a user wrote, in quotes if it is empty or has spaces or characters that do not show. Shells of Windows take backslashes as they are.
func quoted(text string) string {
	hidden := strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
	switch {
	case text != "" && !hidden && !strings.Contains(text, " "):
		return text
	case runtime.GOOS == "windows" && !hidden && !strings.Contains(text, `"`):
		return `"` + text + `"`
	}
	return strconv.Quote(text)
}

// unknown returns an error for a value that is not among the known ones.
func unknown(what, value string, known []string) error {
	return usagef("%s %s: not known%s: known are %s", what, quoted(value), didYouMean(value, "", known), strings.Join(known, ", "))
}

// checkFlags returns an error for a flag whose value is not one of its choices, and for two exclusive flags that are both given.
func checkFlags(fs *pflag.FlagSet) (err error) {
	fs.Visit(func(f *pflag.Flag) {
		known, other, value := f.Annotations[choicesKey], f.Annotations[exclusiveKey], f.Value.String()
		switch {
		case err != nil:
		case known != nil && value != "" && !slices.Contains(known, value):
			err = unknown("--"+f.Name, value, known)
		case other != nil && fs.Changed(other[0]):
			err = usagef("--%s and --%s: give one of them: %s", f.Name, other[0], other[1])
		}
	})
	return err
}

// parseError explains an error of fs.Parse.
func (c command) parseError(fs *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		dashes, name := "--", unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			dashes = "-"
			name, _, _ = strings.Cut(letters, "=")
		}
		hint := didYouMean(name, "--", flagNames(fs))
		if hint == "" {
			hint = fmt.Sprintf(": marr help %s lists all flags", c.name)
		}
		return usagef("unknown flag %s%s", quoted(dashes+name), hint)
	case errors.As(err, &missing):
		f := missing.GetFlag()
		name, _ := pflag.UnquoteUsage(f)
		return usagef("--%s needs a value: write --%s %s", f.Name, f.Name, strings.ToUpper(name))
	case errors.As(err, &invalid):
		f, want := invalid.GetFlag(), "want "+wantedValue(invalid.GetFlag())
		if _, err := strconv.ParseInt(invalid.GetValue(), 0, 64); errors.Is(err, strconv.ErrRange) {
			want = "too large: " + want
		}
		return usagef("--%s%s%s: %s", f.Name, valueSeparator(f), quoted(invalid.GetValue()), want)
	}
	return usagef("%v: marr help %s lists all flags", err, c.name)
}

// valueSeparator returns what stands between a flag and its value: a switch is on without one.
func valueSeparator(f *pflag.Flag) string {
	if f.NoOptDefVal != "" {
		return "="
	}
	return " "
}

// wantedValue describes the values of a flag that is not text.
func wantedValue(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "float", "float64":
		return "a number, such as 0.5"
	case "uint", "uint64":
		return "a whole number of at least 0"
	case "intSlice":
		return "whole numbers separated by commas, such as 1,20"
	case "duration":
		return "a number with a unit, s, m or h, such as 90m or 12h"
	}
	return "a whole number, such as 8"
}

// flagNames lists the names of a command's flags, with their other names except those of the last release.
func flagNames(fs *pflag.FlagSet) (out []string) {
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden || f.Name == "help" {
			out = append(out, f.Name)
		}
	})
	for _, other := range otherNames {
		if !other.renamed && fs.Lookup(other.now) != nil {
			out = append(out, other.name)
		}
	}
	return out
}

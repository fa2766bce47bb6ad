package main

import (
	"fmt"
	"slices"
	"strings"
)

// explanations are plain words for what programs say. One that is not here is quoted.
var explanations = []struct{ said, plain string }{
	{"isDynamicShape", "it has no dynamic shapes; this is the file of `--any-size=false`"},
	{"dynamic 'zero' shapes", "it has no dynamic shapes; this is the file of `--any-size=false`"},
	{`unimplemented ONNX op "InstanceNormalization"`, "it lacks the operator InstanceNormalization, which group norm becomes"},
	{"operator Shape not implemented", "it lacks the operator Shape, and for one size InstanceNormalization"},
	{"InstanceNormalization not implemented", "it lacks the operator InstanceNormalization, which group norm becomes"},
	{"operator Slice not implemented", "it lacks the operators of vision transformers, such as Slice"},
	{"unsupported opset version", "it reads no operator set but 13, and lacks MaxPool and BatchNormalization"},
	{"[LayerNormalization@ai.onnx]", "it lacks LayerNormalization, and in a file of `--opset 13` it cannot broadcast"},
	{"timm is not installed", "timm, whose names the file has, is not in Debian; torchvision's vision transformer has other parameters"},
	{"executable file not found", "it is not installed"},
	{"is not present", "it is not installed"},
}

// plain returns plain words for a reason.
func plain(reason string) string {
	for _, e := range explanations {
		if strings.Contains(reason, e.said) {
			return e.plain
		}
	}
	reason = strings.Join(strings.Fields(strings.NewReplacer("|", " ", "`", "'").Replace(reason)), " ")
	if r := []rune(reason); len(r) > 200 {
		reason = string(r[:200]) + "…"
	}
	return "it says `" + reason + "`"
}

// table returns the results as Markdown, with the reasons below.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| program | version |")
	for _, n := range networks {
		fmt.Fprintf(&b, " %s |", n.title)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(networks)) + "\n")
	var notes []string
	note := func(reason string) string {
		i := slices.Index(notes, plain(reason))
		if i < 0 {
			i, notes = len(notes), append(notes, plain(reason))
		}
		return fmt.Sprintf("[%d]", i+1)
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |", r.name, r.version)
		for _, c := range r.cells {
			fmt.Fprintf(&b, " %s |", c.text(note))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for i, n := range notes {
		fmt.Fprintf(&b, "- [%d] %s.\n", i+1, n)
	}
	return b.String()
}

// text returns the differences of a cell, with notes on what failed.
func (c cell) text(note func(reason string) string) string {
	if c.reason != "" {
		return "no " + note(c.reason)
	}
	var all []string
	for _, d := range c.differences {
		all = append(all, fmt.Sprintf("%.0e", d))
	}
	text := strings.Join(all, ", ")
	if c.fixed != "" {
		text += " " + note(c.fixed)
	}
	return text
}

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
)

const (
	maxTableClasses = 12 // of a table that fits 100 columns
	maxNameWidth    = 20
	maxPairs        = 10 // of classes, in place of a table
)

// confusionText returns a table of classes and predictions, at most 100 columns wide, or the pairs that are confused most if there are many classes.
func confusionText(c *eval.Confusion) string {
	if len(c.Classes) > maxTableClasses {
		return confusedPairs(c)
	}
	var b strings.Builder
	width := 3
	for _, row := range c.Counts {
		width = max(width, len(strconv.Itoa(slices.Max(row))))
	}
	names := shortNames(c.Classes)
	nameWidth := len("class")
	for _, name := range names {
		nameWidth = max(nameWidth, len([]rune(name)))
	}
	fmt.Fprintf(&b, "  %-*s", nameWidth, "class")
	for k := range c.Classes {
		fmt.Fprintf(&b, " %*c", width, 'a'+k)
	}
	b.WriteString("  <- predicted     images  correct\n")
	for y, name := range names {
		fmt.Fprintf(&b, "%c %s%s", 'a'+y, name, strings.Repeat(" ", nameWidth-len([]rune(name))))
		for p, n := range c.Counts[y] {
			if n == 0 && p != y {
				fmt.Fprintf(&b, " %*s", width, ".")
			} else {
				fmt.Fprintf(&b, " %*d", width, n)
			}
		}
		fmt.Fprintf(&b, "  %20d  %s\n", c.Images(y), recallText(c, y))
	}
	return b.String()
}

func recallText(c *eval.Confusion, class int) string {
	if c.Images(class) == 0 {
		return "      –"
	}
	return fmt.Sprintf("%5.1f %%", c.Recall(class))
}

// confusedPairs lists the pairs of classes with most errors, and the classes with the lowest recall.
func confusedPairs(c *eval.Confusion) string {
	var classes []int
	for y := range c.Counts {
		if c.Images(y) > 0 {
			classes = append(classes, y)
		}
	}
	pairs := c.Pairs()
	slices.SortStableFunc(classes, func(a, b int) int { return cmp.Compare(c.Recall(a), c.Recall(b)) })
	names := shortNames(c.Classes)
	var b strings.Builder
	fmt.Fprintf(&b, "%d classes; classified wrongly most often:\n", len(c.Classes))
	for _, p := range pairs[:min(len(pairs), maxPairs)] {
		fmt.Fprintf(&b, "  %3d of %d images of %s as %s\n", p.Images, c.Images(p.Class), names[p.Class], names[p.Predicted])
	}
	b.WriteString("classes with the fewest images classified correctly:\n")
	for _, y := range classes[:min(len(classes), maxPairs)] {
		fmt.Fprintf(&b, "  %s of %d images of %s\n", recallText(c, y), c.Images(y), names[y])
	}
	return b.String()
}

// shortNames returns names of at most maxNameWidth characters for a terminal.
func shortNames(classes []string) []string {
	var names []string
	for _, c := range classes {
		name := []rune(data.Printable(c))
		if len(name) > maxNameWidth {
			name = append(name[:maxNameWidth-1], '…')
		}
		names = append(names, string(name))
	}
	return names
}

package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxLabel is the largest label in a list. Classes are counted up to the largest label, so the limit bounds the memory.
const maxLabel = 1<<16 - 1

// list is a text file with one image per line: a path, relative to the file's folder, optionally followed by a tab and a label. Empty
// lines and lines that begin with # are ignored. If all labels are integers they are used as they are, otherwise the sorted distinct
// labels are the classes. A line without a label is an image without a label.
type list struct {
	files
	text   string // SHA-256 of the lines
	labels []string
}

func newList(name string, side int) (*list, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, fmt.Errorf("data: list %s: %w: give a text file with one path per line", name, err)
	}
	sum := sha256.Sum256(text)
	l := &list{files: files{side: side}, text: hex.EncodeToString(sum[:])}
	var labeled bool
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		entry := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(entry) == "" || strings.HasPrefix(entry, "#") {
			continue
		}
		file, label, _ := strings.Cut(entry, "\t")
		label = strings.TrimSpace(label)
		labeled = labeled || label != ""
		full := filepath.FromSlash(file)
		if !filepath.IsAbs(full) {
			full = filepath.Join(filepath.Dir(name), full)
		}
		l.found = append(l.found, newImageFile(file, full))
		l.labels = append(l.labels, label)
	}
	if !labeled {
		l.labels = nil
	}
	return l, nil
}

// stamps includes the text, which determines labels and order.
func (l *list) stamps() []stamp { return append(l.files.stamps(), stamp{name: "\x00" + l.text}) }

func (l *list) list(context.Context) (*listing, error) {
	out := &listing{n: len(l.found), names: l.names(), weight: l.weight}
	out.classes, out.labels = parseLabels(l.labels)
	return out, nil
}

// parseLabels converts text labels to numbers: their value if all are integers, otherwise their index among the sorted distinct names.
// "" is −1; nil gives nil.
func parseLabels(names []string) (classes []string, labels []int32) {
	numbers := true
	for _, s := range names {
		v := int32(-1)
		if s != "" {
			n, err := strconv.ParseUint(s, 10, 31)
			numbers = numbers && err == nil && n <= maxLabel
			v = int32(n)
			classes = append(classes, s)
		}
		labels = append(labels, v)
	}
	if numbers {
		return nil, labels
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	for i, s := range names {
		labels[i] = -1
		if at, ok := slices.BinarySearch(classes, s); ok {
			labels[i] = int32(at)
		}
	}
	return classes, labels
}

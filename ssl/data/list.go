package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
)

// list is a text file with one image per line: a path, relative to the file's folder, optionally followed by a tab and a label. Empty
// lines and lines that begin with # are ignored. The distinct labels are the classes. A line without a label is an image without a label.
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
	if l.labels != nil {
		out.classes, out.labels = classesOf(l.labels)
	}
	return out, nil
}

package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/marr-ssl/marr/ssl/data/decode"
)

// listFormat is what to do about a list that cannot be read.
const listFormat = "write one path per line, relative to the list's folder, then optionally a tab and a label, as UTF-8 text"

// list is a text file with one image per line: a path, relative to the file's folder, optionally followed by a tab and a label. The distinct
// labels are the classes. A line without a label is an image without a label. Ignored are empty lines, lines that begin with # and name no
// file, and a first line of column names. Lines end in LF, CR LF or CR; UTF-16 is read if it has a byte order mark.
//
// In place of tabs, commas, semicolons or spaces separate the columns of a list if more of its lines name existing files that way.
type list struct {
	files
	text   string // SHA-256 of the file
	labels []string
	said   []string
}

// columns splits the lines of a list.
type columns struct {
	dir       string // of the list
	separator string // "": lines are paths
}

// row is a line with an image.
type row struct {
	imageFile
	label string
	more  bool // has further columns
}

func newList(name string, side int) (*list, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, fmt.Errorf("data: list %s: %w: %s", name, err, listFormat)
	}
	sum := sha256.Sum256(text)
	l := &list{files: files{side: side}, text: hex.EncodeToString(sum[:])}
	lines, err := listLines(text)
	if err != nil {
		return nil, fmt.Errorf("data: list %s: %w: %s", name, err, listFormat)
	}
	c := columns{dir: filepath.Dir(name)}
	c.separator = c.detect(lines)
	if kind := map[string]string{",": "commas", ";": "semicolons", " ": "spaces"}[c.separator]; kind != "" && !strings.EqualFold(filepath.Ext(name), ".csv") {
		l.say("columns are separated by %s", kind)
	}
	l.add(c, lines)
	return l, nil
}

func (l *list) say(format string, args ...any) { l.said = append(l.said, fmt.Sprintf(format, args...)) }

func (l *list) notes() []string { return l.said }

// maxLine is the largest number of bytes in a line: systems allow paths of 4096.
const maxLine = 8192

// listLines returns the lines of a list that are not empty.
func listLines(text []byte) ([]string, error) {
	utf8, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), text)
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(utf8, 0) >= 0 {
		return nil, errors.New("not a text file, or UTF-16 without a byte order mark: it has NUL bytes")
	}
	isEnd := func(r rune) bool { return r == '\n' || r == '\r' }
	var lines []string
	for line := range strings.FieldsFuncSeq(string(utf8), isEnd) {
		if len(line) > maxLine {
			return nil, fmt.Errorf("a line of %d bytes, which begins with %.20q: it is no path", len(line), line)
		}
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// add adds the images of the lines.
func (l *list) add(c columns, lines []string) {
	var rows []row
	found, more := false, 0
	for _, line := range lines {
		r := c.split(line)
		if r.exists() || !strings.HasPrefix(strings.TrimSpace(line), "#") {
			rows, found = append(rows, r), found || r.exists()
		}
	}
	if len(rows) > 0 && found && isHeader(rows[0]) {
		l.say("the first line has names of columns and is skipped: %q", lines[0])
		rows = rows[1:]
	}
	labeled := false
	for _, r := range rows {
		l.found, l.labels = append(l.found, r.imageFile), append(l.labels, r.label)
		labeled = labeled || r.label != ""
		if r.more {
			more++
		}
	}
	if more > 0 {
		l.say("lines with more than two columns: %d; the first is the path, the second the label, others are ignored", more)
	}
	l.sayRepeated()
	if !labeled {
		l.labels = nil
	}
}

// isHeader reports whether a first row is one of column names: it looks unlike the path of an image.
func isHeader(r row) bool {
	return !r.exists() && !decode.HasImageExtension(r.name) && !strings.ContainsAny(r.name, `/\`)
}

// sayRepeated adds a note about images that are listed more than once, and one about those with several labels.
func (l *list) sayRepeated() {
	first, repeated, conflicts, example := map[string]string{}, 0, 0, ""
	for i, f := range l.found {
		label, is := first[f.path]
		if !is {
			first[f.path] = l.labels[i]
			continue
		}
		if repeated++; label != l.labels[i] {
			if conflicts++; conflicts == 1 {
				example = fmt.Sprintf("%q has the labels %q and %q", f.name, label, l.labels[i])
			}
		}
	}
	if repeated > 0 {
		l.say("lines that repeat an image: %d of %d; an image counts as often as it is listed", repeated, len(l.found))
	}
	if conflicts > 0 {
		l.say("lines that give an image another label: %d; %s", conflicts, example)
	}
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

// detectLines is the number of lines from which the separator of the columns is chosen.
const detectLines = 100

// detect returns the separator with which most lines name existing files, "" if lines are paths.
func (c columns) detect(lines []string) string {
	lines = lines[:min(len(lines), detectLines)]
	best, most := "", 0
	for _, separator := range []string{"", "\t", ",", ";", " "} {
		with := columns{c.dir, separator}
		n := 0
		for _, line := range lines {
			if with.split(line).exists() {
				n++
			}
		}
		if n > most {
			best, most = separator, n
		}
	}
	if most == 0 {
		return "\t"
	}
	return best
}

// split splits a line at the first separator after the path of an existing file or, if there is none, at the first separator.
func (c columns) split(line string) row {
	if c.separator == "" {
		return row{imageFile: c.find(line)}
	}
	var first row
	for at, n := 0, 0; ; n++ {
		i := strings.Index(line[at:], c.separator)
		if i < 0 {
			if r := (row{imageFile: c.find(line)}); n == 0 || r.exists() {
				return r
			}
			return first
		}
		at += i + len(c.separator)
		r := row{imageFile: c.find(line[:at-len(c.separator)])}
		r.label, r.more = c.label(line[at:])
		if r.exists() || c.separator == "\t" {
			return r
		}
		if n == 0 {
			first = r
		}
	}
}

// label returns the label at the start of the rest of a line, and whether more columns follow. Labels may have spaces.
func (c columns) label(rest string) (label string, more bool) {
	rest = strings.TrimSpace(rest)
	if quoted, after, ok := cutQuoted(rest); ok {
		return quoted, after != ""
	}
	if c.separator == " " {
		return rest, false
	}
	label, _, more = strings.Cut(rest, c.separator)
	return strings.TrimSpace(label), more
}

// cutQuoted cuts a text in quotation marks, in which two stand for one, from the start of s.
func cutQuoted(s string) (text, after string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", s, false
	}
	s = s[1:]
	for {
		part, rest, found := strings.Cut(s, `"`)
		if !found {
			return "", s, false
		}
		text += part
		if s, found = strings.CutPrefix(rest, `"`); !found {
			return text, strings.TrimSpace(rest), true
		}
		text += `"`
	}
}

// find returns the file of a path: the path as it is or, if there is no such file, without spaces and quotation marks around it, with slashes
// in place of backslashes, or with composed or decomposed letters, as systems differ in them.
func (c columns) find(path string) imageFile {
	if runtime.GOOS == "windows" { // which opens files without the spaces that end a path
		path = strings.TrimRight(path, " ")
	}
	spellings := []string{path, strings.TrimSpace(path)}
	if text, after, ok := cutQuoted(spellings[1]); ok && after == "" {
		spellings = append(spellings, text)
	}
	clean := spellings[len(spellings)-1]
	if strings.Contains(clean, `\`) {
		spellings = append(spellings, strings.ReplaceAll(clean, `\`, "/"))
	}
	spellings = append(spellings, norm.NFC.String(clean), norm.NFD.String(clean))
	for _, s := range slices.Compact(spellings) {
		if f := c.file(s); f.exists() {
			return f
		}
	}
	f := c.file(clean)
	if strings.Contains(clean, "://") {
		f.why = errors.New("an address, not a file: download it")
	}
	return f
}

// file returns the file of a path that is absolute or relative to the list. Its name has slashes.
func (c columns) file(path string) imageFile {
	full := filepath.FromSlash(path)
	if !filepath.IsAbs(full) {
		full = filepath.Join(c.dir, full)
	}
	return newImageFile(filepath.ToSlash(path), full)
}

func (f imageFile) exists() bool { return f.size >= 0 }

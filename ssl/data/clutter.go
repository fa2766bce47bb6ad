package data

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/store"
)

// clutterFolders are folders that systems make beside the files of a user, and what they keep there.
var clutterFolders = map[string]string{
	"@eaDir":                    "thumbnails of a Synology file server",
	"@__thumb":                  "thumbnails of a QNAP file server",
	"@Recycle":                  "deleted files",
	"#recycle":                  "deleted files",
	"$RECYCLE.BIN":              "deleted files",
	"__MACOSX":                  "metadata of macOS",
	"System Volume Information": "data of Windows",
	"lost+found":                "fragments that a check of the disk found",
}

// hides reports whether the file or folder of a path is left out of a set because of its own name, which begins with a dot or is one of
// clutterFolders. It keeps the first path of each of these.
func (g *ignored) hides(name string) bool {
	base := path.Base(name)
	if clutterFolders[base] == "" {
		return strings.HasPrefix(base, ".")
	}
	if g.clutter == nil {
		g.clutter = map[string]string{}
	}
	if g.clutter[base] == "" {
		g.clutter[base] = name
	}
	return true
}

// hidesPart is hides for a path and the folders that it passes through.
func (g *ignored) hidesPart(name string) bool {
	for i := range len(name) {
		if name[i] == '/' && g.hides(name[:i]) {
			return true
		}
	}
	return g.hides(name)
}

// skippedClutter returns the first folder of each name that was left out.
func (g *ignored) skippedClutter() (skipped []store.Skipped) {
	for _, base := range slices.Sorted(maps.Keys(g.clutter)) {
		skipped = append(skipped, store.Skipped{Name: g.clutter[base], Reason: "folders of this name are left out: " + clutterFolders[base]})
	}
	return skipped
}

// Package page writes a report of runs as one HTML file, which needs nothing else: no network, no other file.
//
//	ReadRun  a run folder → Run: settings, metrics, times
//	Run      + Panels (pictures) and Maps (embeddings), which a tool computes with the images at hand
//	Ablation in place of runs: a sweep of short ones, with its map or curve
//	Live     serves a Page on loopback while a run trains
//	Write    Page → HTML. Text and tables are written here; scripts in assets draw charts and maps
//
// Everything that comes from a run or from the names of files is escaped by html/template, or by encoding/json in the element that holds the data of the
// scripts. A Content-Security-Policy forbids every request (a page of Live may ask its own server), and every script and style but those of this package.
package page

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// Page is the content of a report.
type Page struct {
	Made     string   // when, and by which version
	Live     string   // of a page that Live serves: Training or Ended; "": a file
	Notes    []string // what a reader should know of all runs
	Runs     []*Run
	Sprites  []Sprite  // thumbnails of maps
	Ablation *Ablation // in place of runs; its page has no scripts
}

// Panel is a part of the page with pictures of a run, such as nearest neighbors.
type Panel struct {
	Title, About string
	Strips       []Strip
	Compact      bool // each strip is one row of at most three pictures
}

// Strip is a group of pictures.
type Strip struct {
	Title string // may be empty
	Rows  []Row
}

// Row is a row of pictures.
type Row struct {
	Title    string // may be empty
	Pictures []Picture
}

// Picture is an image of the page. Its caption is also its alternative text, unless Alt is set.
type Picture struct {
	JPEG    []byte
	Caption []string // lines
	Alt     string
	Wide    bool // a whole sheet, not a thumbnail
	Same    bool // drawn with a solid frame, as of the same class
}

// URI returns the picture as a data URI.
func (p Picture) URI() template.URL { return jpegURI(p.JPEG) }

// Text returns the alternative text.
func (p Picture) Text() string {
	if p.Alt != "" {
		return p.Alt
	}
	return strings.Join(p.Caption, ", ")
}

func jpegURI(raw []byte) template.URL {
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(raw))
}

// Sprite is one picture with the thumbnails of a set of images, from left to right and from top to bottom.
type Sprite struct {
	JPEG    []byte   `json:"-"`
	URI     string   `json:"uri"` // set by Write
	Side    int      `json:"side"`
	Columns int      `json:"columns"`
	Names   []string `json:"names"`   // of the images
	Labels  []int32  `json:"labels"`  // of the images, −1: none; nil: the set has none
	Classes []string `json:"classes"` // names of the labels
}

// Map is a set of embeddings, one per thumbnail of a sprite.
type Map struct {
	Run    int    `json:"run"`
	Title  string `json:"title"` // which network
	Sprite int    `json:"sprite"`
	Points
}

// data is what the scripts read.
type data struct {
	Runs    []string `json:"runs"`
	Charts  []Chart  `json:"charts"`
	Maps    []Map    `json:"maps"`
	Sprites []Sprite `json:"sprites"`
}

//go:embed assets
var assets embed.FS

// liveScript renews a page that Live serves.
const liveScript = "live.js"

// The styles and scripts in their order. The page has the texts of their licenses.
var (
	ownStyles = []string{"page.css"}
	styles    = append([]string{"uplot/uPlot.min.css"}, ownStyles...)
	scripts   = []string{"uplot/uPlot.iife.min.js", "umap/umap-js.min.js", "charts.js", "map.js", "page.js"}
	licenses  = []string{"uplot/LICENSE", "umap/LICENSE"}
)

// layout is what the template sees.
type layout struct {
	*Page
	Title    string
	Policy   string
	Style    template.CSS
	Scripts  []template.JS
	Data     template.JS
	Charts   []Chart
	Maps     []Map
	Facts    []tableRow
	Cautions []string
	Settings settingsTable
	Licenses []string
}

// Write writes the page.
func Write(w io.Writer, p *Page) error {
	t, err := template.New("page.html").Funcs(template.FuncMap{"lines": lines}).ParseFS(assets, "assets/page.html", "assets/ablation.html")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	label(p.Runs)
	v := layout{Page: p, Title: p.title(), Charts: charts(p.Runs), Facts: facts(p.Runs), Cautions: cautions(p.Runs), Settings: settingsOf(p.Runs)}
	v.addParts()
	d := data{Charts: v.Charts, Sprites: p.Sprites}
	for i, r := range p.Runs {
		d.Runs = append(d.Runs, r.Label)
		for _, m := range r.Maps {
			m.Run = i
			d.Maps = append(d.Maps, m)
		}
	}
	v.Maps = d.Maps
	for i := range d.Sprites {
		d.Sprites[i].URI = string(jpegURI(d.Sprites[i].JPEG))
	}
	raw, err := json.Marshal(d) // with <, > and & as escape sequences, so that the data cannot end its element
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	v.Data = template.JS(raw)
	if err := t.Execute(w, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// lines returns the number of lines of a text.
func lines(text string) int { return strings.Count(text, "\n") + 1 }

// addParts adds the styles and scripts, and the policy that allows nothing else.
func (v *layout) addParts() {
	styles, scripts, licenses, connections := styles, scripts, licenses, ""
	switch {
	case v.Ablation != nil:
		styles, scripts, licenses = ownStyles, nil, nil
	case v.Live != "":
		scripts, connections = slices.Insert(slices.Clone(scripts), len(scripts)-1, liveScript), "; connect-src 'self'"
	}
	var style string
	for _, name := range styles {
		style += asset(name)
	}
	v.Style = template.CSS(style)
	allowed := ""
	for _, name := range scripts {
		v.Scripts = append(v.Scripts, template.JS(asset(name)))
		allowed += " " + hash(asset(name))
	}
	for _, name := range licenses {
		v.Licenses = append(v.Licenses, asset(name))
	}
	v.Policy = fmt.Sprintf("default-src 'none'; img-src data:; style-src %s; script-src%s; base-uri 'none'; form-action 'none'%s", hash(style), cmp.Or(allowed, " 'none'"), connections)
}

func (p *Page) title() string {
	if a := p.Ablation; a != nil {
		return filepath.Base(filepath.Clean(a.Name))
	}
	var names []string
	for _, r := range p.Runs {
		names = append(names, r.Label)
	}
	return strings.Join(names, ", ")
}

// label sets the labels of runs: the last parts of their folders' names if these differ, else the whole names.
func label(runs []*Run) {
	seen := map[string]bool{}
	for _, r := range runs {
		r.Label = filepath.Base(filepath.Clean(r.Name))
		seen[r.Label] = true
	}
	for _, r := range runs {
		if len(seen) < len(runs) {
			r.Label = r.Name
		}
	}
}

// asset returns a file of assets, which is part of the program.
func asset(name string) string {
	raw, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// hash returns the source of a Content-Security-Policy that allows an inline script or style with this text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

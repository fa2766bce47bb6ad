package page

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
)

// config is a config.toml of two epochs.
const config = `data = "photos" # default
method = "simclr" # default
arch = "resnet10" # default
size = 32 # default
epochs = 2 # default
batch = 8 # default
lr = %s # flag
`

// twoEpochs are metrics of two epochs of two steps.
const twoEpochs = `{"step":1,"epoch":1,"loss":4,"rank":9,"rank_limit":2}
{"step":2,"epoch":1,"loss":3,"rank":7,"rank_limit":2}
{"step":2,"epoch":1,"knn20":40}
{"step":3,"epoch":2,"loss":2,"rank":8,"rank_limit":2,"alarm":"low <rank>"}
{"step":4,"epoch":2,"loss":1,"rank":6,"rank_limit":2}
`

// folder writes the files of a run and returns its folder.
func folder(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	err := os.Mkdir(dir, 0o777)
	for file, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, dir string) *Run {
	t.Helper()
	r, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReadRunNotesWhatIsMissing(t *testing.T) {
	for name, x := range map[string]struct {
		metrics, times string
		step           int
		note           string // of the last note; "": none
		seconds        float64
	}{
		"whole":            {twoEpochs, `{"step":0,"seconds":0,"started":"2026-01-02T03:04:05Z"}` + "\n" + `{"step":4,"seconds":7}` + "\n", 4, "", 7},
		"resumed":          {twoEpochs, `{"step":0,"started":"x"}` + "\n" + `{"step":2,"seconds":7}` + "\n" + `{"step":2,"started":"y"}` + "\n" + `{"step":4,"seconds":5}` + "\n", 4, "", 12},
		"no step":          {"", "", 0, "no completed step yet", 0},
		"first epoch":      {twoEpochs[:54], "", 1, "step 1, epoch 1 of 2", 0},
		"within an epoch":  {strings.SplitAfter(twoEpochs, "alarm\":\"low <rank>\"}\n")[0], "", 3, "step 3 of 4, epoch 2 of 2. To continue it: marr pretrain --resume --out", 0},
		"broken line":      {twoEpochs + `{"step":5,"ep`, "", 4, "metrics.jsonl: line 6 cannot be read", 0},
		"line with no key": {twoEpochs + "{}\n", "", 4, "it has no step", 0},
	} {
		files := map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1"), run.MetricsFile: x.metrics}
		if x.times != "" {
			files[run.TimesFile] = x.times
		}
		r := read(t, folder(t, "run", files))
		notes := strings.Join(r.Notes, "\n")
		if r.Step != x.step || (x.note == "") != (notes == "") || !strings.Contains(notes, x.note) || r.seconds != x.seconds {
			t.Errorf("%s: step %d, notes %q, %v seconds", name, r.Step, notes, r.seconds)
		}
	}
	if _, err := ReadRun(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
}

func TestSettingsThatDifferAreApart(t *testing.T) {
	a := read(t, folder(t, "a", map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1")}))
	b := read(t, folder(t, "b", map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.2")}))
	got := settingsOf([]*Run{a, b})
	if len(got.Different) != 1 || fmt.Sprint(got.Different[0]) != "{lr [0.1 (flag) 0.2 (flag)]}" {
		t.Errorf("different: %v", got.Different)
	}
	if one := settingsOf([]*Run{a}); fmt.Sprint(one.Different) != "[{lr [0.1 (flag)]}]" || len(one.Equal) != len(got.Equal) {
		t.Errorf("chosen settings of one run: %v, and %d others, want %d", one.Different, len(one.Equal), len(got.Equal))
	}
}

func TestRunsOfDifferentImagesAreNotCompared(t *testing.T) {
	a, b := &Run{}, &Run{}
	a.Saved.Data, b.Saved.Data = "photos", "others"
	if got := cautions([]*Run{a, b}); len(got) != 1 || !strings.Contains(got[0], "different images") || len(cautions([]*Run{a, a})) != 0 {
		t.Errorf("cautions %q", got)
	}
}

func TestChartsHaveLimitsAndOneMetricForSeveralRuns(t *testing.T) {
	r := read(t, folder(t, "run", map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1"), run.MetricsFile: twoEpochs}))
	var got []string
	for _, c := range charts([]*Run{r, r}) {
		for _, l := range c.Lines {
			got = append(got, fmt.Sprint(c.Title, l.Run, l.Limit, l.Steps, l.Values))
		}
	}
	want := []string{"Loss0 false [1 2 3 4] [4 3 2 1]", "Loss1 false [1 2 3 4] [4 3 2 1]", "kNN, k = 20, %0 false [2] [40]", "kNN, k = 20, %1 false [2] [40]",
		"Effective rank of the embeddings0 false [1 2 3 4] [9 7 8 6]", "Effective rank of the embeddings0 true [1 2 3 4] [2 2 2 2]",
		"Effective rank of the embeddings1 false [1 2 3 4] [9 7 8 6]", "Effective rank of the embeddings1 true [1 2 3 4] [2 2 2 2]"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestLongSeriesAreThinnedToMeans(t *testing.T) {
	s := &series{}
	for i := range 3 * maxPoints {
		s.steps, s.values = append(s.steps, float64(i+1)), append(s.values, float64(i))
	}
	steps, values, per := thin(s)
	if per != 3 || len(steps) != maxPoints || steps[1] != 6 || values[1] != 4 {
		t.Errorf("%d points of %d values, the second at %v: %v", len(steps), per, steps[1], values[1])
	}
}

// The first component of points near a line orders them.
func TestPointsArePrincipalComponents(t *testing.T) {
	const n, d = 9, 5
	x := make([]float32, n*d)
	for i := range n {
		angle := float64(i-n/2) / n
		x[i*d], x[i*d+1], x[i*d+2] = float32(2*math.Cos(angle)), float32(2*math.Sin(angle)), 1e-3*float32(i%2)
	}
	p, err := NewPoints(x, n, d)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(p.Values)
	if err != nil || len(raw) != 2*n*p.Components || p.Components != d || p.Explained < 0.999 {
		t.Fatalf("%d bytes of %d components, %v explained, %v", len(raw), p.Components, p.Explained, err)
	}
	var first []int16
	for i := range n {
		first = append(first, int16(binary.LittleEndian.Uint16(raw[2*i*d:])))
	}
	rising := slices.IsSorted(first)
	slices.Reverse(first)
	if !rising && !slices.IsSorted(first) || first[0] == first[n-1] {
		t.Errorf("the first component does not order the points: %v", first)
	}
	if _, err := NewPoints(x, 2, d); err == nil {
		t.Error("two points have a map")
	}
	x[7] = float32(math.NaN())
	if _, err := NewPoints(x, n, d); err == nil {
		t.Error("points that are not finite have a map")
	}
}

// hostile is a name that would leave its element, attribute or string.
const hostile = `"'></script><script>alert(1)</script><img src=x onerror=alert(1)>` + "\u2028`${alert(1)}`"

// examplePage returns a page of two runs with everything that a page may have. Names end with the text.
func examplePage(t *testing.T, text string) *Page {
	t.Helper()
	sprite := image.NewRGBA(image.Rect(0, 0, 6*40, 5*40))
	for i := range sprite.Pix {
		sprite.Pix[i] = byte(i / 7)
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, sprite, nil); err != nil {
		t.Fatal(err)
	}
	p := &Page{Made: "Made now" + text, Sprites: []Sprite{{JPEG: jpg.Bytes(), Side: 40, Columns: 6, Classes: []string{"cat" + text, "dog"}}}}
	const n, d = 30, 4
	x := make([]float32, n*d)
	for i := range n {
		for j := range d {
			x[i*d+j] = float32(math.Sin(float64(7*i+3*j))) + float32(i%2*j)
		}
		p.Sprites[0].Names = append(p.Sprites[0].Names, fmt.Sprint("image", i, text))
		p.Sprites[0].Labels = append(p.Sprites[0].Labels, int32(i%2))
	}
	points, err := NewPoints(x, n, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, lr := range []string{"0.1", "0.2"} {
		r := read(t, folder(t, "run", map[string]string{run.ConfigFile: fmt.Sprintf(config, lr), run.MetricsFile: twoEpochs}))
		r.Name = "runs/run " + lr + strings.ReplaceAll(text, "/", "|")
		r.Notes = append(r.Notes, "note"+text)
		picture := Picture{JPEG: jpg.Bytes(), Caption: []string{"caption" + text}}
		r.Panels = []Panel{{Title: "Neighbors" + text, About: "about" + text, Strips: []Strip{{Title: "strip" + text, Rows: []Row{{Title: "row" + text, Pictures: []Picture{picture}}}}}}}
		r.Maps = []Map{{Title: "last" + text, Points: points}}
		p.Runs = append(p.Runs, r)
	}
	return p
}

func written(t *testing.T, p *Page) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestNamesAreEscaped(t *testing.T) {
	html, plain := written(t, examplePage(t, hostile)), written(t, examplePage(t, ""))
	for _, tag := range []string{"<script", "</script", "<img", "<b>", "<li"} {
		if got, want := strings.Count(html, tag), strings.Count(plain, tag); got != want {
			t.Errorf("%d times %s, want %d", got, tag, want)
		}
	}
	if found := regexp.MustCompile(`(?i)<\w+(\s+[\w-]+(="[^"]*")?)*\s+(on\w+|style)=`).FindString(strings.Split(html, "<script")[0]); found != "" {
		t.Errorf("an inline handler or style: %s", found)
	}
	for _, text := range []string{"alarm", "low &lt;rank&gt;", "Content-Security-Policy", "default-src &#39;none&#39;"} {
		if !strings.Contains(html, text) {
			t.Errorf("the page lacks %s", text)
		}
	}
}

func TestScoresOfADemoAreShown(t *testing.T) {
	r := read(t, folder(t, "run", map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1"), summaryFile: `{"eval": {"raw": {"knn1": 12.34}}}`}))
	if got := fmt.Sprint(r.Scores); got != "[{raw pixels [12.3    ]}]" {
		t.Errorf("scores %s", got)
	}
	r = read(t, folder(t, "run", map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1"), summaryFile: "{"}))
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "summary.json cannot be read") {
		t.Errorf("notes %q", notes)
	}
}

func TestConfusionOfAClassifierIsShown(t *testing.T) {
	files := map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1"), resultsFile: `{"confusion": {"classes": ["a", "<b>"], "counts": [[3, 1], [0, 0]]}}`}
	r := read(t, folder(t, "run", files))
	if got := fmt.Sprint(r.Matrix()); got != "[{a [{3 4 3 images of a taken for a} {1 2 1 images of a taken for <b>}] 4 75.0} {<b> [{0 0 0 images of <b> taken for a} {0 0 0 images of <b> taken for <b>}] 0 }]" {
		t.Errorf("matrix %s", got)
	}
	if html := written(t, &Page{Runs: []*Run{r}}); !strings.Contains(html, `<td class="shade2" title="1 images of a taken for &lt;b&gt;">1</td>`) || strings.Contains(html, "<b>\"") {
		t.Error("the page lacks a cell of the matrix")
	}
	many := maxMatrixClasses + 1
	c := &eval.Confusion{Classes: make([]string, many), Counts: make([][]int, many)}
	for y := range many {
		c.Counts[y] = make([]int, many)
		c.Counts[y][0] = y
	}
	r.Confusion = c
	if pairs := r.ConfusedPairs(); r.Matrix() != nil || len(pairs) != maxConfusedPairs || pairs[0] != (eval.ConfusedPair{Class: many - 1, Images: many - 1}) {
		t.Errorf("pairs %v", pairs)
	}
	written(t, &Page{Runs: []*Run{r}})
	for _, broken := range []string{"{", `{"confusion": {"classes": ["a", "b"], "counts": [[1, 2]]}}`, `{"confusion": {"classes": ["a"], "counts": [[1, 2]]}}`} {
		files[resultsFile] = broken
		r := read(t, folder(t, "run", files))
		if notes := strings.Join(r.Notes, "\n"); r.Confusion != nil || !strings.Contains(notes, "results.json cannot be read") {
			t.Errorf("%s: notes %q", broken, notes)
		}
	}
}

func TestRunsAreLabeledByTheirFolders(t *testing.T) {
	for _, x := range [][4]string{{"a/x", "b/y/", "x", "y"}, {"a/x", "b/x", "a/x", "b/x"}} {
		a, b := &Run{Name: x[0]}, &Run{Name: x[1]}
		if label([]*Run{a, b}); a.Label != x[2] || b.Label != x[3] {
			t.Errorf("%s and %s are labeled %s and %s", a.Name, b.Name, a.Label, b.Label)
		}
	}
}

func TestPageOfARunWithoutStepsIsWhole(t *testing.T) {
	r := read(t, folder(t, "run", map[string]string{run.ConfigFile: fmt.Sprintf(config, "0.1")}))
	html := written(t, &Page{Runs: []*Run{r}})
	if strings.Contains(html, `id="curves"`) || strings.Contains(html, `id="map"`) || !strings.Contains(html, "no completed step yet") {
		t.Error("the page of a run without steps has curves or a map, or lacks its note")
	}
}

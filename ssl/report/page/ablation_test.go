package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/marr-ssl/marr/ssl/ablate"
)

// ablationOf returns a map of two augmentations, whose names end with a text, with two seeds and a diverged run.
func ablationOf(text string) *Ablation {
	axis := ablate.Axis{Name: "augmentation", Values: []string{"crop" + text, "color" + text}}
	s := &ablate.Study{Augmentations: true, Axes: []ablate.Axis{axis, axis}, Seeds: []uint64{1, 2}, Score: ablate.Linear,
		Untrained: map[string]float64{ablate.Linear: 35, ablate.Rank: 3}}
	for i, c := range s.Cells() {
		s.Results = append(s.Results, ablate.Result{Cell: c, Steps: 7, Seconds: 65, Scores: map[string]float64{ablate.Linear: float64(20 + 10*(i%4) + i/4), ablate.Rank: 5, ablate.Loss: 1.25}})
	}
	s.Results[1].Scores, s.Results[1].Failure, s.Results[7].Alarms = nil, "not finite"+text, []string{"step 3: low rank" + text}
	return &Ablation{Study: s, Name: "runs/map" + strings.ReplaceAll(text, "/", "|"), Command: "marr ablate" + text, Compare: "marr report" + text, Facts: []Fact{{"Images", "photos" + text}},
		Settings: []Fact{{"batch", "8" + text}}, Notes: []string{"note" + text}, Views: map[string]string{s.Cells()[1].Name: "size = 8" + text}}
}

func TestAblationHasItsMapAndItsCellsBestFirst(t *testing.T) {
	a := ablationOf("")
	html := written(t, &Page{Ablation: a})
	for _, part := range []string{"<h1>Ablation map</h1>", "By the linear probe, color matters most", "<th scope=\"row\">Images</th><td>photos</td>", "marr ablate</pre>",
		"<h3>linear probe, %</h3>", `src="data:image/png;base64,iVBOR`, `<th scope="row">crop</th><td>31.0</td><td>50.5±0.7</td><td>40.8</td>`, // 40.8 = (31 + 50.5)/2
		"<summary>RankMe</summary>", "as TOML</summary><pre>size = 8</pre>", "<td>1 diverged</td>", "<td>1m5s</td><td>step 3: low rank</td>", "diverged: not finite", "<pre>8</pre>"} {
		if !strings.Contains(html, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	var order []string
	for _, row := range a.Ranking() {
		order = append(order, row.Name)
	}
	if got := strings.Join(order, ", "); got != "crop+color, color, untrained network, crop, all of the method" {
		t.Errorf("cells: %s", got)
	}
	if strings.Contains(html, "<script") || !strings.Contains(html, "script-src &#39;none&#39;") {
		t.Error("the page has scripts or allows them")
	}
}

func TestAblationWithoutResultsHasNoPicture(t *testing.T) {
	a := ablationOf("")
	a.Results, a.Views, a.Compare = nil, nil, ""
	html := written(t, &Page{Ablation: a})
	for part, want := range map[string]bool{"There are too few results to read.": true, "No cell has this score yet.": true, "untrained network": true, "image/png": false, "Every run": false} {
		if strings.Contains(html, part) != want {
			t.Errorf("%q: want %v", part, want)
		}
	}
}

func TestCurveHasAPictureAndNoTable(t *testing.T) {
	a := ablationOf("")
	a.Augmentations, a.Axes = false, []ablate.Axis{{Name: "batch", Values: []string{"8", "16"}}}
	for i := range a.Results {
		a.Results[i].Name, a.Results[i].At = fmt.Sprintf("batch=%d", 8+8*(i%2)), []int{i % 2}
	}
	html := written(t, &Page{Ablation: a})
	if !strings.Contains(html, `alt="Curve of the score`) || strings.Contains(html, "The map as a table") || !strings.Contains(html, `<th scope="row">batch=16</th>`) {
		t.Error("the page lacks the curve or its cells, or has a map")
	}
}

func TestPageOfAnAblationFitsAndIsEscaped(t *testing.T) {
	hostilePage, plain := written(t, &Page{Ablation: ablationOf(hostile)}), written(t, &Page{Ablation: ablationOf("")})
	for _, tag := range []string{"<script", "<img", "<b>", "<td", "<pre"} {
		if got, want := strings.Count(hostilePage, tag), strings.Count(plain, tag); got != want {
			t.Errorf("%d times %s, want %d", got, tag, want)
		}
	}
	if testing.Short() {
		t.Skip("starts Chromium")
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(hostilePage), 0o666); err != nil {
		t.Fatal(err)
	}
	b := openBrowser(t)
	messages, stopMessages := b.messages()
	b.do(chromedp.EmulateViewport(390, 800), chromedp.Navigate("file://"+file))
	b.wait(`[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt !== "")`)
	value[chromedp.Void](b, `{ document.querySelectorAll("details").forEach(d => { d.open = true; }); }`)
	b.wait(`document.documentElement.scrollWidth <= 390`)
	stopMessages()
	for m := range messages {
		t.Errorf("console: %s", m)
	}
}

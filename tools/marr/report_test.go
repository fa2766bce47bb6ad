package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/ssl/ablate"
	"github.com/marr-ssl/marr/ssl/report/page"
)

// reported runs marr report and returns the page with what the command said.
func reported(t *testing.T, args ...string) (html string, said result) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "report.html")
	said = call(t, nil, append([]string{"report", "--out", out}, args...)...)
	raw, err := os.ReadFile(out)
	if err != nil || said.status != 0 {
		t.Fatalf("status %d, %v: %s", said.status, err, said.err)
	}
	return string(raw), said
}

func has(t *testing.T, html string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(html, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

func TestReportShowsARun(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	html, said := reported(t, run)
	has(t, html, "(32 images)", "<h3>Loss</h3>", "<h3>Images per second</h3>", "alarm limit", "<h3>Views</h3>", "<h3>Nearest neighbors</h3>",
		"untrained network: ", "<h3>Near-duplicates</h3>", "<h3>Outliers</h3>", `id="map-canvas"`, `alt="ash, ash/0.png"`,
		"the last feature map has only one position") // of 16 pixels
	if !strings.Contains(said.out, "report of 1 run, 0.") {
		t.Errorf("said %q", said.out)
	}
}

// Of the twelve images that a report shows of a run alone, three runs have eight each.
func TestReportOfManyRunsShowsLessOfEach(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	args, dir := []string{run}, t.TempDir()
	for _, name := range []string{"a", "b"} {
		args = append(args, filepath.Join(dir, name))
		if err := os.CopyFS(args[len(args)-1], os.DirFS(run)); err != nil {
			t.Fatal(err)
		}
	}
	html, _ := reported(t, args...)
	has(t, html, "Of each of the 3 runs a part of the pictures is shown")
	_, panel, _ := strings.Cut(html, "<h3>Nearest neighbors</h3>")
	panel, _, _ = strings.Cut(panel, "<h3>")
	if got := strings.Count(panel, `<div class="strip">`); got != 8 {
		t.Errorf("%d images with neighbors, want 8", got)
	}
	x := &reporter{}
	for runs, want := range map[int][2]int{1: {12, 2000}, 2: {12, 2000}, 6: {4, 666}, 100: {3, 40}} {
		x.page.Runs = make([]*page.Run, runs)
		if got := [2]int{x.most(reportQueries), x.most(maxMapPoints)}; got != want {
			t.Errorf("of %d runs: %v, want %v", runs, got, want)
		}
	}
}

// Each of the twelve images has three pictures, of 4 × 4 patches.
func TestReportShowsWhereATransformerLooks(t *testing.T) {
	long(t)
	t.Parallel()
	run := filepath.Join(t.TempDir(), "run")
	ok(t, smallTransformer(pictures32(t), run, "--method", "simclr", "--epochs", "1")...)
	html, _ := reported(t, run)
	for _, title := range []string{"Feature maps in color", "Where the class token looks"} {
		_, panel, found := strings.Cut(html, "<h3>"+title+"</h3>")
		panel, _, _ = strings.Cut(panel, "<h3>")
		if got := strings.Count(panel, `<img src="data:image/jpeg;base64,`); !found || got != 3*reportQueries {
			t.Errorf("%s: %d pictures, want %d", title, got, 3*reportQueries)
		}
	}
	has(t, html, "at each of 4×4 places", `alt="untrained"`, `alt="after epoch 1"`)
}

// A classifier on a map of 8 × 8 places: each of the seven images that were held out has a map of its class, and a mistake has one too.
func TestReportShowsMistakesOfAClassifier(t *testing.T) {
	t.Parallel()
	long(t)
	set, dir := pictures32(t), t.TempDir()
	run, tuned := filepath.Join(dir, "run"), filepath.Join(dir, "tuned")
	ok(t, "pretrain", "--data", set, "--out", run, "--method", "simclr", "--arch", "toy", "--toy-patch", "2", "--size", "16", "--batch", "16", "--epochs", "1", "--eval-every", "0")
	ok(t, finetune(set, tuned, "--run", run, "--epochs", "1", "--lr", "1e-9")...)
	html, _ := reported(t, tuned)
	has(t, html, "<h3>Confusion matrix of the test images</h3>", `<th scope="row">ash</th>`, "are classified wrongly. Those with the most probable wrong class first, with the places",
		"Of the images that were held out for testing.", ", taken for ")
	_, panel, _ := strings.Cut(html, "<h3>What speaks for the predicted class</h3>")
	panel, _, _ = strings.Cut(panel, "<h3>")
	if images := len(results(t, tuned).Confusion.Classes); images < 2 || strings.Count(panel, `<img src="data:image/jpeg;base64,`) != 2*strings.Count(panel, "<h4>") || !strings.Contains(panel, "<h4>") {
		t.Errorf("%d classes, %d pictures in %d strips", images, strings.Count(panel, "<img"), strings.Count(panel, "<h4>"))
	}
	if err := os.Remove(filepath.Join(tuned, classifierFile)); err != nil {
		t.Fatal(err)
	}
	html, said := reported(t, tuned)
	has(t, html, "Class maps and mistakes of the classifier are left out: ", "<h3>Nearest neighbors</h3>")
	if !strings.Contains(said.err, "marr finetune writes it") {
		t.Errorf("said %q", said.err)
	}
}

func TestReportWithoutImagesHasANote(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	html, said := reported(t, run, "--data", filepath.Join(t.TempDir(), "gone"))
	has(t, html, "<h3>Loss</h3>", "pictures and map are left out; if the images were moved, give their place with --data")
	if strings.Contains(html, `id="map-canvas"`) || !strings.Contains(said.err, "gone") {
		t.Errorf("the page has a map, or the command did not say why it has none: %q", said.err)
	}
	if html, _ = reported(t, run, "--images", "0"); strings.Contains(html, `id="map-canvas"`) || strings.Contains(html, "left out") {
		t.Error("a report of no images has a map or misses them")
	}
}

func TestReportRefusesWhatItCannotShow(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	empty, damaged := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "config.toml"), []byte("method = 3"), 0o666); err != nil {
		t.Fatal(err)
	}
	sweep, broken, hollow := ablationFolder(t), t.TempDir(), t.TempDir()
	if err := errors.Join(writeText(filepath.Join(broken, ablationJSON), "{"), writeText(filepath.Join(hollow, ablationJSON), "{}")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(empty, "x.html")
	for name, x := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"no run":          {nil, 2, "report: name at least one run"},
		"empty folder":    {[]string{empty}, 1, "the folder holds no run"},
		"no folder":       {[]string{filepath.Join(empty, "a")}, 1, "there is no such folder"},
		"damaged":         {[]string{damaged}, 1, "config.toml: "},
		"checkpoint":      {[]string{filepath.Join(run, "checkpoint.ckpt")}, 2, "it is a checkpoint: name the folder of the run, " + run},
		"file":            {[]string{filepath.Join(damaged, "config.toml")}, 2, "it is a file: name the folder of a run"},
		"twice":           {[]string{run, run + "/"}, 2, "is named twice"},
		"images":          {[]string{run, "--images", "-1"}, 2, "--images -1: want at least 0"},
		"no HTML":         {[]string{run, "--out", "a.pdf"}, 2, "--out a.pdf: the file will be HTML"},
		"no output":       {[]string{run, "--out", filepath.Join(empty, "b", "a.html")}, 1, "there is no folder"},
		"ablation, run":   {[]string{run, sweep}, 2, sweep + " is an ablation, which has a page of its own: name it alone"},
		"ablation's data": {[]string{sweep, "--data", run}, 2, "--data: " + sweep + " is an ablation, whose page shows results alone: omit it"},
		"half ablation":   {[]string{broken}, 1, "the file is damaged: train again"},
		"empty ablation":  {[]string{hollow}, 1, "it has 0 axes and 0 seeds: the file is damaged: train again"},
		"unwritable file": {[]string{run, "--out", "/proc/a.html"}, 1, "--out /proc/a.html: "},
	} {
		r := call(t, nil, append([]string{"report", "--out", out}, x.args...)...)
		if r.status != x.status || !strings.Contains(r.err, x.want) || x.status > 0 && strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: status %d, said %q", name, r.status, r.err)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Error("a report was written")
	}
}

// ablationFolder writes the folder of an ablation with a result of one cell of two.
func ablationFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	f := &ablationFile{Given: map[string]string{"by": "batch"}, Chosen: map[string]string{"method": "simclr"}, Command: "marr ablate --by batch", Data: "64 images of photos",
		Study: ablate.Study{Axes: []ablate.Axis{{Name: "batch", Values: []string{"8", "16"}}}, Seeds: []uint64{1}, Score: ablate.Rank, Untrained: map[string]float64{ablate.Rank: 2}}}
	f.Results = []ablate.Result{{Cell: f.Cells()[0], Scores: map[string]float64{ablate.Rank: 3}}}
	if err := errors.Join(bench.WriteJSON(filepath.Join(dir, ablationJSON), f), writeText(viewsOf(dir, f.Cells()[1]), "size = 16")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReportShowsAnAblation(t *testing.T) {
	t.Parallel()
	dir := ablationFolder(t)
	html, said := reported(t, dir)
	has(t, html, "<h1>Ablation ", "the best setting is batch=8 with 3.", "1 of 2 runs are done. To continue it: marr ablate --by batch", "<td>64 images of photos</td>",
		"<pre>simclr (plan)</pre>", "<pre>batch (flag)</pre>", "data:image/png;base64,", "All others are defaults.")
	if !strings.Contains(said.out, "report of an ablation, 0.0 MB") {
		t.Errorf("said %q", said.out)
	}
	release, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	html, _ = reported(t, dir)
	has(t, html, "A process trains the others now.")
}

func TestLiveReportRefusesWhatDoesNotTrain(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	empty := t.TempDir()
	unfinished := t.TempDir()
	if err := os.WriteFile(filepath.Join(unfinished, "config.toml"), []byte("method = \"simclr\"\nepochs = 2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"finished":   {[]string{"--live", run}, 1, "the run is finished, so a live page would not change: marr report " + run + " --out report.html"},
		"stopped":    {[]string{"--live", unfinished}, 1, "no process trains it now, so"},
		"empty":      {[]string{"--live", empty}, 1, "the folder holds no run"},
		"no run":     {[]string{"--live"}, 2, "--live: name one run"},
		"two runs":   {[]string{"--live", run, empty}, 2, "--live: name one run"},
		"checkpoint": {[]string{"--live", filepath.Join(run, "checkpoint.ckpt")}, 2, "it is a checkpoint"},
		"ablation":   {[]string{"--live", ablationFolder(t)}, 2, "is an ablation, whose page shows results alone: omit it"},
		"with out":   {[]string{"--live", run, "--out", "a.html"}, 2, "--live and --out exclude each other"},
		"port":       {[]string{"--live", run, "--port", "70000"}, 2, "--port 70000: want 1 to 65535"},
		"port alone": {[]string{run, "--port", "8000"}, 2, "only a live page has a port: add --live"},
		"images":     {[]string{"--live", run, "--images", "-1"}, 2, "--images -1: want at least 0"},
	} {
		r := call(t, nil, append([]string{"report"}, x.args...)...)
		if r.status != x.status || !strings.Contains(r.err, x.want) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: status %d, said %q", name, r.status, r.err)
		}
	}
}

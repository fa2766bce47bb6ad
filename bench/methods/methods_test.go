package methods

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
)

func config(epochs int) (c run.Config) {
	c.Epochs = epochs
	return c
}

func runOf(group string, linear, few float64, peer *Peer) Run {
	return Run{Name: group, Group: group, Config: config(4), Outcome: Outcome{Scores: eval.Scores{Linear: linear, Linear10: few}}, Peer: peer}
}

func TestTableComparesMethodsWithTheirPeers(t *testing.T) {
	peer := func(linear, few float64) *Peer {
		return &Peer{Torch: "9", Outcome: Outcome{Scores: eval.Scores{Linear: linear, Linear10: few}}}
	}
	c := Comparison{Data: "images", Images: 100, TestImages: 2000, Untrained: runOf("untrained", 50, 30, nil), Runs: []Run{
		runOf("one", 60, 40, peer(70, 40)), runOf("two", 60, 45, peer(62, 40)), runOf("two", 64, 47, peer(62, 40)), runOf("alone", 60, 40, nil)}}
	var text strings.Builder
	(&Results{Comparison: &c}).Print(&text)
	// One run of 60 and one of 70 %: SE = √((60·40 + 70·30)/2000) = 1.5. Two runs of 60 and 64 %, s² = 8, s²/2 = 4; PyTorch, twice 62 %: 62·38/2000/2 = 0.59.
	for _, want := range []string{"**-10.0**, below (limit -5.0)", "+0.0 (limit -6.1)", "62.0 ± 2.8", "46.0 ± 1.4", "+16.0", "+0.0 (limit -6.3)"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if n := strings.Count(text.String(), "marr − PyTorch"); n != 2 {
		t.Errorf("%d comparisons, want 2", n)
	}
}

func TestMetricsFileIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), run.MetricsFile)
	lines := `{"step":1,"epoch":1,"loss":9,"accuracy":0.1}
{"step":2,"epoch":2,"loss":4,"accuracy":0.5,"embedding_std":0.25,"alarm":"low rank: why: what"}
{"step":3,"epoch":2,"loss":2,"accuracy":0.7}
{"step":3,"epoch":2,"knn20":50}
`
	if err := os.WriteFile(path, []byte(lines), 0o666); err != nil {
		t.Fatal(err)
	}
	x := Run{Config: config(2)}
	if err := x.readMetrics(path); err != nil || x.Loss != 3 || x.Pretext == nil || math.Abs(*x.Pretext-60) > 1e-9 ||
		x.EmbeddingStd != 0.25 || len(x.Alarms) != 1 || x.Alarms[0] != "step 2: low rank: why: what" {
		t.Errorf("%v, %+v", err, x)
	}
}

func TestRankingsCompareScoresWithoutLabels(t *testing.T) {
	if got := spearman([]float64{1, 2, 2, 9}, []float64{10, 30, 20, 40}); math.Abs(got-0.948683) > 1e-6 { // 4.5/√(4.5·5)
		t.Errorf("a tie: %g", got)
	}
	var c Comparison
	for i, loss := range []float64{5, 4, 3, 1, 2} { // of increasing accuracy
		x := runOf("ranked", 50, 30+float64(i), nil)
		x.Name, x.Loss, x.Rank = rankingPrefix+"x", loss, -float64(i)
		x.Config.Options = map[string]any{"lambda": []float64{1e-3, 0.1, 0.1, 0.1, 0.1}[i]} // −5/0.001^0.4 is still the lowest
		c.Runs = append(c.Runs, x, runOf("other", 50, 30, nil))
	}
	want := []string{"LeJEPA, 5 runs: Spearman's rank correlation with linear10: −loss 0.90, −loss/λ^0.4 0.90, RankMe -1.00"}
	if got := c.rankings(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	c.Runs = c.Runs[2:]
	if got := c.rankings(); len(got) > 0 {
		t.Errorf("four runs: %q", got)
	}
}

func TestPeerScriptHasTheSettingsOfEveryMethod(t *testing.T) {
	set, err := data.Open(t.Context(), Images, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	script, err := peerScripts.ReadFile("peers/torch_ssl.py")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		m, err := c.method()
		if err != nil {
			t.Fatal(err)
		}
		c.Config.Resolve(set)
		if err := c.Config.SetViews(c.Views, m, set); err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		settings, err := peerSettings(c.Config, c, set)
		if strings.HasPrefix(c.Name, "mixed-") || strings.HasPrefix(c.Name, "collapse-") && !strings.HasPrefix(c.Name, "collapse-batch-norm") {
			if err != nil || settings != nil {
				t.Errorf("%s: %v, settings %v: the script always has float32, batch norm in the heads, a predictor and a momentum encoder", c.Name, err, settings)
			}
			continue
		}
		if err != nil || len(settings) < 5 {
			t.Errorf("%s: %v, settings %v", c.Name, err, settings)
		}
		_, recipe, _ := strings.Cut(string(script), "\""+c.Config.Method+"\": dict(")
		recipe, _, _ = strings.Cut(recipe, "),\n")
		base, _, _ := strings.Cut(string(script), "RECIPES")
		for key := range settings {
			if !strings.Contains(base+recipe, key+"=") {
				t.Errorf("%s: the script has no setting %s", c.Name, key)
			}
		}
	}
}

func TestStoredRunWithOtherSettingsIsRefused(t *testing.T) {
	set, err := data.Open(t.Context(), Images, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &comparer{out: &Comparison{}}
	l.Train, l.Test = set, set
	l.Dir = t.TempDir()
	c := CollapseCases()[0]
	m, err := c.method()
	if err != nil {
		t.Fatal(err)
	}
	stored := Run{Name: c.Name, Group: c.Group, Config: c.Config}
	stored.Config.Resolve(set)
	if err := stored.Config.SetViews(c.Views, m, set); err != nil {
		t.Fatal(err)
	}
	if err := bench.WriteJSON(filepath.Join(l.Dir, c.Name, "result.json"), stored); err != nil {
		t.Fatal(err)
	}
	if err := l.add(t.Context(), c); err != nil || len(l.out.Runs) != 1 {
		t.Fatalf("%v, %d runs, want the stored one", err, len(l.out.Runs))
	}
	c.Config.LR = 1e-3
	if err := l.add(t.Context(), c); err == nil || !strings.Contains(err.Error(), "holds a run with other settings") {
		t.Errorf("a stored run with another learning rate is accepted: %v", err)
	}
}

func TestGainIsOverTheUntrainedNetworkOfTheSameArchitecture(t *testing.T) {
	c := Comparison{Untrained: runOf("untrained", 50, 30, nil), UntrainedViT: runOf("untrained vit-tiny", 50, 20, nil), Runs: []Run{runOf("resnet", 60, 40, nil), runOf("vit", 60, 41, nil)}}
	c.UntrainedViT.Config.Arch, c.Runs[1].Config.Arch = "vit-tiny", "vit-tiny"
	var text strings.Builder
	(&Results{Comparison: &c}).Print(&text)
	for _, want := range []string{"untrained vit-tiny", "+10.0", "+21.0"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

package watch

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// Runs of small networks in PyTorch (testdata/runs.py) raise the expected alarms, also if the watch is saved and restored after each sample.
func TestRunsOfPyTorchRaiseTheirAlarms(t *testing.T) {
	text, err := os.ReadFile("testdata/runs.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Images, Prototypes, Steps int
		Runs                      map[string][][]*float64 // columns as below; none where the method has no such thing
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	want := map[string][]Kind{
		"simclr": nil, "byol": nil, "simsiam": nil, "byol, 256 wide": nil, "simsiam, 256 wide": nil, "barlow": nil, "vicreg": nil, "dino": nil, "rotation": nil,
		"simclr, views too easy":                {TooEasy},
		"byol without predictor":                {LowRank}, // batch norm keeps the embeddings apart
		"byol without predictor and batch norm": {Constant},
		"simsiam without stop-gradient":         {LowRank},
		"simsiam without predictor":             {LowRank},
		"dino without centre":                   {Dominated},
		"dino without sharpening":               {Uniform},
	}
	for name, run := range file.Runs {
		var w Watch
		var kinds []Kind
		for _, sample := range run {
			at := func(i int) float64 {
				if sample[i] == nil {
					return math.NaN()
				}
				return *sample[i]
			}
			r := Metrics{Std: at(1), UniformStd: 1 / math.Sqrt(at(7)), Rank: at(2), MaxRank: min(float64(file.Images), at(7)), Cosine: at(3),
				Entropy: at(4), MarginalEntropy: at(5), MaxEntropy: math.Log(float64(file.Prototypes)), KL: at(5) - at(4), Accuracy: at(6)}
			s := Sample{N: file.Images, D: int(at(7)), K: file.Prototypes, Step: int(at(0)), Steps: file.Steps, Chance: 1 / float64(2*file.Images-1)}
			text, err := json.Marshal(&w)
			if err != nil {
				t.Fatal(err)
			}
			var again Watch
			if err := json.Unmarshal(text, &again); err != nil {
				t.Fatal(err)
			}
			a, b := w.check(r, s), again.check(r, s)
			if (a == nil) != (b == nil) || a != nil && a.Message != b.Message {
				t.Errorf("%s, step %d: %v, of the restored watch %v", name, s.Step, a, b)
			}
			if a != nil {
				kinds = append(kinds, a.Kind)
				t.Logf("%s, step %d: %s", name, a.Step, a.Message)
			}
		}
		if named, ok := want[name]; !ok || !slices.Equal(kinds, named) {
			t.Errorf("%s: named %v, want %v", name, kinds, named)
		}
	}
	if len(file.Runs) != len(want) {
		t.Errorf("%d runs, want %d", len(file.Runs), len(want))
	}
}

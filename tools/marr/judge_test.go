package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestEvalDataDecidesNothing: measuring after each epoch changes no bit of the training, and a run that was killed resumes to the same lines.
func TestEvalDataDecidesNothing(t *testing.T) {
	data, test, dir := images(t, 64), images(t, 40), t.TempDir()
	labels := append([]byte{0, 0, 8, 1, 0, 0, 0, 40}, make([]byte, 40)...) // one class only: what is right of the training images is wrong here
	if err := os.WriteFile(filepath.Join(filepath.Dir(test), "train-labels-idx1-ubyte"), labels, 0o666); err != nil {
		t.Fatal(err)
	}
	plain, judged, broken := filepath.Join(dir, "plain"), filepath.Join(dir, "judged"), filepath.Join(dir, "broken")
	ok(t, small(data, plain)...)
	if said := ok(t, small(data, judged, "--eval-data", test)...); strings.Count(said, "kNN k=20 after step") != 4 {
		t.Errorf("want one line of kNN an epoch, got %q", said)
	}
	a, err := os.ReadFile(filepath.Join(plain, "checkpoint.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(judged, "checkpoint.ckpt")); err != nil || !bytes.Equal(a, b) {
		t.Errorf("measuring changed the checkpoint (%v)", err)
	}
	stopAfter(t, 19, syscall.SIGKILL, small(data, broken, "--eval-data", test))
	ok(t, small(data, broken, "--eval-data", test, "--resume")...)
	sameRun(t, judged, broken)
	raw, err := os.ReadFile(filepath.Join(judged, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	epochs, last := 0, 0.0
	for line := range strings.Lines(string(raw)) {
		var m struct {
			Step, Epoch int
			KNN20       *float64
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m.KNN20 == nil {
			continue
		}
		epochs, last = epochs+1, *m.KNN20
		if m.Epoch != epochs || m.Step != 8*epochs || *m.KNN20 < 0 || *m.KNN20 > 100 {
			t.Errorf("line %s, want epoch %d, step %d", line, epochs, 8*epochs)
		}
	}
	if epochs != 4 {
		t.Errorf("%d measurements in metrics.jsonl, want 4", epochs)
	}
	var alone struct{ KNN20 float64 }
	said := ok(t, "eval", "knn", "--run", judged, "--train", data, "--test", test, "--json")
	if err := json.Unmarshal([]byte(said), &alone); err != nil || alone.KNN20 != last {
		t.Errorf("the last epoch's kNN is %v, marr eval knn says %s (%v)", last, said, err)
	}
}

package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const lines = `{"epoch":1,"loss":4.25,"lr":1e-05,"step":1}
{"epoch":1,"alarm":"low rank: embeddings, \"fill\" 2","loss":4,"step":2}
{"epoch":1,"knn20":51.125,"feature_rank":3,"step":2}
{"epoch":2,"loss":3.0000000000000004,"lr":0.1,"step":3}
`

const csvOfLines = `step,epoch,loss,lr,alarm,feature_rank,knn20
1,1,4.25,1e-05,,,
2,1,4,,"low rank: embeddings, ""fill"" 2",,
2,1,,,,3,51.125
3,2,3.0000000000000004,0.1,,,
`

// The bytes do not depend on which lines were there when the file was opened.
func TestTableHasAColumnForEachKey(t *testing.T) {
	all := strings.SplitAfter(lines, "\n")
	for before := range all { // the last is empty
		path := filepath.Join(t.TempDir(), "metrics.csv")
		if err := os.WriteFile(path, []byte("torn,li\n1"), 0o666); err != nil {
			t.Fatal(err)
		}
		x, err := CreateTable(path, strings.NewReader(strings.Join(all[:before], "")), "step", "epoch", "loss", "lr")
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range all[before : len(all)-1] {
			if err := x.Add([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != csvOfLines {
			t.Errorf("opened after %d lines: %v\n%s", before, err, got)
		}
	}
	if _, err := CreateTable(filepath.Join(t.TempDir(), "x.csv"), strings.NewReader("no JSON\n")); err == nil {
		t.Error("a line that is no JSON was accepted")
	}
}

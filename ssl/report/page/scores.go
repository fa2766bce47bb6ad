package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/marr-ssl/marr/net"
)

// summaryFile is the file that marr demo writes into the folder of its run.
const summaryFile = "summary.json"

// Score is a row of the table of marr demo: accuracies in percent, "" for none.
type Score struct {
	Name   string
	Values []string
}

// scoreKeys are the columns of the table.
var scoreKeys = []struct{ key, name string }{
	{"knn1", "kNN, k = 1"}, {"knn20", "kNN, k = 20"}, {"linear", "linear probe"}, {"linear10", "linear, 10 labels a class"}, {"finetune10", "fine-tuned, 10 labels a class"},
}

// ScoreNames returns the titles of the columns.
func (r *Run) ScoreNames() (out []string) {
	for _, k := range scoreKeys {
		out = append(out, k.name)
	}
	return out
}

// readScores reads the table of a demo, if there is one.
func (r *Run) readScores(path string) error {
	raw, err := net.ReadFile(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var summary struct{ Eval map[string]map[string]float64 }
	if err == nil {
		err = json.Unmarshal(raw, &summary)
	}
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("%s cannot be read (%v): its table is left out", summaryFile, err))
		return nil
	}
	for _, row := range []struct{ key, name string }{{"raw", "raw pixels"}, {"random", "untrained network"}, {"pretrained", "pre-trained network"}} {
		values := summary.Eval[row.key]
		if values == nil {
			continue
		}
		score := Score{Name: row.name}
		for _, k := range scoreKeys {
			text := ""
			if v, ok := values[k.key]; ok {
				text = fmt.Sprintf("%.1f", v)
			}
			score.Values = append(score.Values, text)
		}
		r.Scores = append(r.Scores, score)
	}
	return nil
}

package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/eval"
)

// resultsFile is the file that marr finetune writes into the folder of its run.
const resultsFile = "results.json"

// Of the table of a classifier's predictions.
const (
	maxMatrixClasses = 25 // of a whole matrix
	maxConfusedPairs = 20 // of classes, in its place
	shades           = 5  // of cells
)

// matrixRow is the row of a class in a confusion matrix.
type matrixRow struct {
	Class  string
	Cells  []matrixCell // by predicted class
	Images int
	Recall string
}

// matrixCell is a number of images.
type matrixCell struct {
	Images int
	Shade  int    // 0: none … shades: all images of the class
	About  string // in words
}

// readConfusion reads the predictions of a classifier on test images, if there are some.
func (r *Run) readConfusion(path string) error {
	raw, err := net.ReadFile(path, 1<<28)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var results struct{ Confusion *eval.Confusion }
	if err == nil {
		err = json.Unmarshal(raw, &results)
	}
	if err == nil && results.Confusion != nil {
		err = results.Confusion.Check()
	}
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("%s cannot be read (%v): its confusion matrix is left out", resultsFile, err))
		return nil
	}
	r.Confusion = results.Confusion
	return nil
}

// Matrix returns the confusion matrix, nil if there is none or if it has too many classes.
func (r *Run) Matrix() (rows []matrixRow) {
	c := r.Confusion
	if c == nil || len(c.Classes) > maxMatrixClasses {
		return nil
	}
	for y, name := range c.Classes {
		row := matrixRow{Class: name, Images: c.Images(y)}
		for p, n := range c.Counts[y] {
			cell := matrixCell{Images: n, About: fmt.Sprintf("%d images of %s taken for %s", n, name, c.Classes[p])}
			if n > 0 {
				cell.Shade = 1 + (shades-1)*n/row.Images
			}
			row.Cells = append(row.Cells, cell)
		}
		if row.Images > 0 {
			row.Recall = fmt.Sprintf("%.1f", c.Recall(y))
		}
		rows = append(rows, row)
	}
	return rows
}

// ConfusedPairs returns the pairs of classes that are confused most, if there are too many classes for a matrix.
func (r *Run) ConfusedPairs() []eval.ConfusedPair {
	if r.Confusion == nil || len(r.Confusion.Classes) <= maxMatrixClasses {
		return nil
	}
	pairs := r.Confusion.Pairs()
	return pairs[:min(len(pairs), maxConfusedPairs)]
}

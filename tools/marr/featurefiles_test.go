package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/npy"
)

// writtenInBatches returns the file of the features [5 2] of five images, in batches of three and two that share memory. Image 3 has no label.
func writtenInBatches(t *testing.T, suffix string) []byte {
	t.Helper()
	var images []data.Image
	for range 5 {
		images = append(images, data.Image{H: 1, W: 1, C: 1, Pix: []byte{0}})
	}
	set := data.FromImages("five", images, []int32{0, 1, 0, -1, 1})
	var out bytes.Buffer
	w := featureFormats[suffix].writer(&out, set)
	if err := w.begin([]int{5, 2}); err != nil {
		t.Fatal(err)
	}
	batch := []float32{0, 1, 2, 3, 4, 5}
	if err := w.add(0, batch); err != nil {
		t.Fatal(err)
	}
	copy(batch, []float32{6, 7, 1e-9, 0.1})
	if err := w.add(3, batch[:4]); err != nil {
		t.Fatal(err)
	}
	clear(batch)
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFeaturesAreWrittenBatchByBatch(t *testing.T) {
	t.Parallel()
	want := []float32{0, 1, 2, 3, 4, 5, 6, 7, 1e-9, 0.1}
	values, shape, err := npy.Floats(writtenInBatches(t, ".npy"))
	if err != nil || !slices.Equal(values, want) || !slices.Equal(shape, []int{5, 2}) {
		t.Errorf(".npy: %v %v, %v", values, shape, err)
	}
	if text := string(writtenInBatches(t, ".csv")); text != "file,class,f0,f1\n0,0,0,1\n1,1,2,3\n2,0,4,5\n3,,6,7\n4,1,1e-09,0.1\n" {
		t.Errorf(".csv: %q", text)
	}
	raw := writtenInBatches(t, ".parquet")
	rows, err := parquet.Read[parquetRow](bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var files, classes []string
	var features []float32
	for _, row := range rows {
		class := "none"
		if row.Class != nil {
			class = *row.Class
		}
		files, classes, features = append(files, row.File), append(classes, class), append(features, row.Features...)
	}
	if got := strings.Join(files, "") + " " + strings.Join(classes, ""); got != "01234 010none1" || !slices.Equal(features, want) {
		t.Errorf(".parquet: %s %v", got, features)
	}
}

package main

import (
	"encoding/binary"
	"encoding/csv"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/npy"
)

// rowsSuffix replaces .npy in the name of the CSV file that holds the file and class of each row.
const rowsSuffix = ".rows.csv"

// featureFormat is a format of files of features.
type featureFormat struct {
	writer    func(w io.Writer, set *data.Set) featureWriter
	namesRows bool // the file holds the file and class of each row
}

// featureWriter writes the features of a set.
type featureWriter interface {
	begin(shape []int) error                 // of all features, [N …], before the first batch
	add(first int, features []float32) error // a batch, which begins with this image
	end() error
}

// featureFormats are the formats by the suffix of the file.
var featureFormats = map[string]featureFormat{
	featuresSuffix: {func(w io.Writer, _ *data.Set) featureWriter { return npyFeatures{w} }, false},
	".csv":         {func(w io.Writer, s *data.Set) featureWriter { return &csvFeatures{w: csv.NewWriter(w), set: s} }, true},
	".parquet":     {func(w io.Writer, s *data.Set) featureWriter { return &parquetFeatures{out: w, set: s} }, true},
}

type npyFeatures struct{ w io.Writer }

func (f npyFeatures) begin(shape []int) error { return npy.WriteHeader[float32](f.w, shape...) }

func (f npyFeatures) add(_ int, features []float32) error {
	return binary.Write(f.w, binary.LittleEndian, features)
}

func (npyFeatures) end() error { return nil }

// writeRows writes the file and the class of each image as CSV.
func writeRows(to io.Writer, set *data.Set) error {
	w := csv.NewWriter(to)
	if err := w.Write([]string{"file", "class"}); err != nil {
		return err
	}
	for i := range set.Len() {
		if err := w.Write([]string{nameOf(set, i), classOf(set, i)}); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// csvFeatures writes a line per image. Numbers have as many digits as float32 needs.
type csvFeatures struct {
	w     *csv.Writer
	set   *data.Set
	width int
}

func (f *csvFeatures) begin(shape []int) error {
	f.width = shape[1]
	header := []string{"file", "class"}
	for k := range f.width {
		header = append(header, "f"+strconv.Itoa(k))
	}
	return f.w.Write(header)
}

func (f *csvFeatures) add(first int, features []float32) error {
	for i := 0; i*f.width < len(features); i++ {
		line := []string{nameOf(f.set, first+i), classOf(f.set, first+i)}
		for _, v := range features[i*f.width:][:f.width] {
			line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 32))
		}
		if err := f.w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func (f *csvFeatures) end() error {
	f.w.Flush()
	return f.w.Error()
}

// parquetRow is a row of a Parquet file.
type parquetRow struct {
	File     string    `parquet:"file"`
	Class    *string   `parquet:"class,optional"`
	Features []float32 `parquet:"features,list"`
}

// rowGroupBytes is the size of the features of a row group, which the writer holds in memory.
const rowGroupBytes = 64 << 20

// parquetFeatures writes a row per image. Features are not compressed: their bits are too random.
type parquetFeatures struct {
	out   io.Writer
	w     *parquet.GenericWriter[parquetRow]
	set   *data.Set
	width int
}

func (f *parquetFeatures) begin(shape []int) error {
	f.width = shape[1]
	f.w = parquet.NewGenericWriter[parquetRow](f.out, parquet.MaxRowsPerRowGroup(max(1, rowGroupBytes/int64(4*f.width))))
	return nil
}

func (f *parquetFeatures) add(first int, features []float32) error {
	var rows []parquetRow
	for i := 0; i*f.width < len(features); i++ {
		row := parquetRow{File: nameOf(f.set, first+i), Features: features[i*f.width:][:f.width]}
		if class := classOf(f.set, first+i); class != "" {
			row.Class = &class
		}
		rows = append(rows, row)
	}
	_, err := f.w.Write(rows)
	return err
}

func (f *parquetFeatures) end() error { return f.w.Close() }

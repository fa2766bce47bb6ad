package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/marr-ssl/marr/ssl/npy"
)

// embedded runs marr embed --json and returns what it says of its file.
func embedded(t *testing.T, file string, args ...string) (x embedding) {
	t.Helper()
	out := ok(t, append([]string{"embed", "--json", "--out", file}, args...)...)
	if err := json.Unmarshal([]byte(out), &x); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return x
}

// array reads an .npy file.
func array(t *testing.T, path string) ([]float32, []int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	values, shape, err := npy.Floats(raw)
	if err != nil {
		t.Fatal(err)
	}
	return values, shape
}

func table(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestEmbedWritesTheSameFeaturesInEveryFormat(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	dir := t.TempDir()
	x := embedded(t, filepath.Join(dir, "a.npy"), "--run", run, "--data", set)
	values, shape := array(t, x.File)
	if want := []int{32, 32}; !slices.Equal(shape, want) || !slices.Equal(x.Shape, want) || x.Images != 32 || x.Skipped != 1 || x.Rows != filepath.Join(dir, "a.rows.csv") {
		t.Fatalf("%+v, the array has the shape %v", x, shape)
	}
	names := table(t, x.Rows)
	if len(names) != 33 || !slices.Equal(names[0], []string{"file", "class"}) || !slices.Equal(names[1], []string{"ash/0.png", "ash"}) || !slices.Equal(names[32], []string{"oak/9.png", "oak"}) {
		t.Errorf("rows %v", names)
	}

	lines := table(t, embedded(t, filepath.Join(dir, "a.csv"), "--run", run, "--data", set).File)
	if len(lines) != 33 || !slices.Equal(lines[0][:4], []string{"file", "class", "f0", "f1"}) {
		t.Fatalf("%d lines, %v", len(lines), lines[0])
	}
	for i, line := range lines[1:] {
		for k, text := range line[2:] {
			if v, err := strconv.ParseFloat(text, 32); err != nil || float32(v) != values[i*32+k] {
				t.Fatalf("line %d: f%d is %s, want %v", i, k, text, values[i*32+k])
			}
		}
		if !slices.Equal(line[:2], names[i+1]) {
			t.Errorf("line %d is %v, want %v", i, line[:2], names[i+1])
		}
	}

	rows, err := parquet.ReadFile[parquetRow](embedded(t, filepath.Join(dir, "a.parquet"), "--run", run, "--data", set, "--normalize").File)
	if err != nil || len(rows) != 32 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		var norm, dot float64
		for k, v := range row.Features {
			norm, dot = norm+float64(v*v), dot+float64(v*values[i*32+k])
		}
		var length float64
		for _, v := range values[i*32:][:32] {
			length += float64(v * v)
		}
		if math.Abs(norm-1) > 1e-5 || math.Abs(dot/math.Sqrt(length)-1) > 1e-5 || row.File != names[i+1][0] || row.Class == nil || *row.Class != names[i+1][1] {
			t.Errorf("row %d: norm %v, cosine %v, %s %v", i, norm, dot/math.Sqrt(length), row.File, row.Class)
		}
	}
}

// The mean of a ResNet's last feature map is the feature vector. Images of a data-set file have numbers for names.
func TestEmbedWritesFeatureMaps(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	dir, set := t.TempDir(), noLabels(t)
	pooled, _ := array(t, embedded(t, filepath.Join(dir, "a.npy"), "--run", run, "--data", set).File)
	said := ok(t, "embed", "--dense", "--run", run, "--data", set, "--out", filepath.Join(dir, "b.npy"))
	maps, shape := array(t, filepath.Join(dir, "b.npy"))
	if !slices.Equal(shape, []int{32, 32, 1, 1}) || !strings.Contains(said, "feature maps [32 32 1 1]") || !strings.Contains(said, "0 files skipped") || !strings.Contains(said, "b.rows.csv") {
		t.Errorf("shape %v, said %q", shape, said)
	}
	if d := largestDifference(t, maps, pooled); d > 1e-5 {
		t.Errorf("the map differs from the features by %g", d)
	}
	if rows := table(t, filepath.Join(dir, "b.rows.csv")); len(rows) != 33 || !slices.Equal(rows[1], []string{"0", ""}) || !slices.Equal(rows[32], []string{"31", ""}) {
		t.Errorf("rows %v", rows)
	}
}

// withCopy returns a folder of pictures with a copy of ash/3.png in another class, and their cache.
func withCopy(t *testing.T) (dir string, cache []string) {
	t.Helper()
	dir = pictures(t, 8)
	raw, err := os.ReadFile(filepath.Join(dir, "ash", "3.png"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "oak", "copy.png"), raw, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, []string{"MARR_CACHE=" + t.TempDir()}
}

func TestNeighborsOfAnImageInAndOutsideTheSet(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	dir, cache := withCopy(t)
	sheet := filepath.Join(t.TempDir(), "sheet.png")
	find := func(of string, more ...string) (n neighbors, said string) {
		r := call(t, cache, append([]string{"neighbors", "--run", run, "--data", dir, "--of", of, "--json"}, more...)...)
		if err := json.Unmarshal([]byte(r.out), &n); err != nil || r.status != 0 {
			t.Fatalf("%s: status %d, %v: %s", of, r.status, err, r.err)
		}
		return n, r.err
	}
	inside, said := find("ash/3.png", "--k", "3")
	if n := inside.Neighbors; len(n) != 3 || n[0].File != "oak/copy.png" || n[0].Class != "oak" || n[0].Similarity != 1 || n[1].Similarity > 1 || n[1].Similarity < n[2].Similarity {
		t.Errorf("neighbors %+v", n)
	}
	if strings.Contains(said, "computed before") {
		t.Errorf("the first call said %q", said)
	}
	onDisk, said := find(filepath.Join(dir, "ash", "3.png"), "--k", "99", "--out", sheet)
	if !strings.Contains(said, "computed before") || len(onDisk.Neighbors) != 16 || !reflect.DeepEqual(onDisk.Neighbors[:3], inside.Neighbors) {
		t.Errorf("by its path: %+v, said %q", onDisk.Neighbors, said)
	}
	if size := pngSize(t, sheet); size.X != gap+tileColumns*(tileSide+gap) {
		t.Errorf("the sheet has the size %v", size)
	}
	other := filepath.Join(pictures32(t), "ash", "3.png") // the same pixels
	if r := call(t, cache, "neighbors", "--run", run, "--data", dir, "--of", other, "--k", "2"); r.out != "1.0000  ash/3.png\n1.0000  oak/copy.png\n" {
		t.Errorf("of another file: %q, said %q", r.out, r.err)
	}
	for of, want := range map[string]string{"nowhere.png": "no image of " + dir + " has this name, and there is no such file", filepath.Join(run, "config.toml"): "not a JPEG"} {
		if r := call(t, cache, "neighbors", "--run", run, "--data", dir, "--of", of); r.status != 1 || !strings.Contains(last(r.err), want) {
			t.Errorf("%s: status %d, said %q", of, r.status, r.err)
		}
	}
}

func TestDuplicatesFindTheCopy(t *testing.T) {
	t.Parallel()
	run, _ := colors(t)
	dir, cache := withCopy(t)
	sheet := filepath.Join(t.TempDir(), "sheet.png")
	args := []string{"duplicates", "--run", run, "--data", dir, "--threshold", "1"}
	r := call(t, cache, append(args, "--out", sheet)...)
	want := "group 1: 2 images of different classes\n  1.0000  ash/3.png\n  1.0000  oak/copy.png\n" +
		"1 group of images with a cosine similarity of at least 1: 2 of 17 images; 1 group of different classes: a label may be wrong\n"
	if r.status != 0 || r.out != want {
		t.Errorf("status %d, printed %q, said %q", r.status, r.out, r.err)
	}
	if size := pngSize(t, sheet); size.X != gap+tileColumns*(tileSide+gap) {
		t.Errorf("the sheet has the size %v", size)
	}
	var d duplicates
	r = call(t, cache, append(args, "--json")...)
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || d.Images != 17 || len(d.Groups) != 1 || d.Groups[0].Similarity != 1 {
		t.Fatalf("%v: %s", err, r.out)
	}
	if x := d.Groups[0].Images; x[0].File != "ash/3.png" || x[0].Nearest != x[1].Image || x[1].Nearest != x[0].Image || x[1].Class != "oak" {
		t.Errorf("%+v", x)
	}
}

func TestSummaryProposesAThreshold(t *testing.T) {
	t.Parallel()
	d := duplicates{Threshold: 0.5, Images: 40}
	g := alikeGroup{Similarity: 0.99}
	for i := range 30 {
		g.Images = append(g.Images, alike{similar: similar{Image: i, Class: strconv.Itoa(i % 2), Similarity: 0.99 - 0.0101*float64(i)}})
	}
	d.Groups = []alikeGroup{g}
	for _, c := range []struct {
		images int
		want   string
	}{
		{40, ": 30 of 40 images; to this network most images are similar: --threshold 0.97 leaves at most a twentieth of them"}, // the third is 0.9698
		{100, ": 30 of 100 images; 1 group of different classes: a label may be wrong"},
	} {
		d.Images = c.images
		if got := d.summary(); !strings.HasSuffix(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for i := range g.Images {
		g.Images[i].Similarity = 0.9999
	}
	d.Images = 30
	if got := d.summary(); !strings.Contains(got, "this network gives nearly all images the same features") {
		t.Errorf("%q", got)
	}
	d.Groups = nil
	if got := d.summary(); got != "no two of 30 images have a cosine similarity of at least 0.5" {
		t.Errorf("%q", got)
	}
}

// readBack prints what NumPy and pandas find in the files a.npy, a.rows.csv, a.csv and, with a reader of Parquet, a.parquet of a folder.
const readBack = `
import json, sys
import numpy, pandas
dir = sys.argv[1]
x, rows, table = numpy.load(dir + "/a.npy"), pandas.read_csv(dir + "/a.rows.csv"), pandas.read_csv(dir + "/a.csv")
columns = table.filter(regex=r"^f\d+$").to_numpy("float32")
out = {"Shape": x.shape, "Type": str(x.dtype), "Equal": bool((columns == x).all()), "Rows": rows.equals(table[["file", "class"]]), "Classes": sorted(set(table["class"]))}
try:
    frame = pandas.read_parquet(dir + "/a.parquet")
    features = numpy.stack(frame["features"])
    out["Parquet"] = bool((features == x).all() and features.dtype == x.dtype and frame[["file", "class"]].equals(rows))
except ImportError:
    pass
print(json.dumps(out))
`

func TestNumPyAndPandasReadEmbeddings(t *testing.T) {
	t.Parallel()
	long(t)
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import numpy, pandas").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		t.Skip("no Python can import numpy and pandas: install python3-pandas")
	}
	run, set := colors(t)
	dir := t.TempDir()
	for _, name := range []string{"a.npy", "a.csv", "a.parquet"} {
		embedded(t, filepath.Join(dir, name), "--run", run, "--data", set)
	}
	command := exec.Command(python, "-c", readBack, dir)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Shape       []int
		Type        string
		Equal, Rows bool
		Classes     []string
		Parquet     *bool
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !slices.Equal(got.Shape, []int{32, 32}) || got.Type != "float32" || !got.Equal || !got.Rows || fmt.Sprint(got.Classes) != "[ash oak]" || got.Parquet != nil && !*got.Parquet {
		t.Errorf("%s", out)
	}
	if got.Parquet == nil {
		println("marr: pandas did not read the Parquet file: install pyarrow or fastparquet")
	}
}

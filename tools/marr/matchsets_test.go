package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// classFolders writes three 8 × 8 images for each class, numbered from first, in colors or their grays that tell the classes apart. It returns
// their folder, which also has list.tsv, a list of the images.
func classFolders(t *testing.T, gray bool, first int, names ...string) string {
	t.Helper()
	dir, list := t.TempDir(), ""
	for k, name := range names {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		for i := first; i < first+3; i++ {
			var img image.Image = image.NewGray(image.Rect(0, 0, 8, 8))
			if !gray {
				img = image.NewNRGBA(img.Bounds())
			}
			for p := range 64 {
				r, g, b := 20*k, 255-20*k, (i+p*k)%256
				if luma := uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16); gray {
					img.(*image.Gray).Pix[p] = luma
				} else {
					img.(*image.NRGBA).Set(p%8, p/8, color.NRGBA{uint8(r), uint8(g), uint8(b), 255})
				}
			}
			path := fmt.Sprintf("%s/%d.png", name, i)
			f, err := os.Create(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, img); err != nil {
				t.Fatal(err)
			}
			f.Close()
			list += path + "\t" + name + "\n"
		}
	}
	writeList(t, dir, list)
	return dir
}

// writeList writes list.tsv in a folder and returns its path.
func writeList(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "list.tsv")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// evaluated returns the accuracy of one neighbor, and stderr.
func evaluated(t *testing.T, args ...string) (knn1 float64, notes string) {
	t.Helper()
	r := call(t, nil, append([]string{"eval", "knn", "--json"}, args...)...)
	var got struct{ KNN1 float64 }
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v: %v, %s", args, err, r.err)
	}
	return got.KNN1, r.err
}

// Twelve numbers have another order as text than as numbers.
func TestFoldersMatchListsByClassName(t *testing.T) {
	t.Parallel()
	names := strings.Fields("0 1 2 3 4 5 6 7 8 9 10 11")
	train, test, few := classFolders(t, false, 0, names...), classFolders(t, false, 3, names...), classFolders(t, false, 3, names...)
	fewList := writeList(t, few, "11/3.png\t11\n2/3.png\t2\n10/3.png\t10\n9/3.png\n")
	for _, c := range []struct{ train, test, note string }{
		{train, test, ""},
		{train, filepath.Join(test, "list.tsv"), ""},
		{filepath.Join(train, "list.tsv"), test, ""},
		{filepath.Join(train, "list.tsv"), filepath.Join(test, "list.tsv"), ""},
		{train, fewList, `list.tsv has no image of 9 of 12 classes ("0", "1", "3", "4", "5", …) of ` + train},
		{train, fewList, "list.tsv: images without a label are left out: 1 of 4"},
	} {
		if knn1, notes := evaluated(t, "--model", "raw", "--train", c.train, "--test", c.test); knn1 != 100 || !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%v: %g %%, want 100 %%, said %q", c, knn1, notes)
		}
	}
	if _, notes := evaluated(t, "--model", "raw", "--train", train, "--test", train); !strings.Contains(notes, "note: 36 of the 36 images of "+train+" are also in "+train) {
		t.Errorf("the same images: said %q", notes)
	}
	r := call(t, nil, "eval", "knn", "--model", "raw", "--train", classFolders(t, false, 0, "a, b", "c"), "--test", classFolders(t, false, 0, "a", "b, c"))
	if r.status != 1 || !strings.Contains(r.err, "the sets have different classes") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}

func TestModelsOfGrayImagesAreJudgedOnColorImages(t *testing.T) {
	t.Parallel()
	long(t)
	names := strings.Fields("a b c d e f g h")
	color, gray := classFolders(t, false, 0, names...), classFolders(t, true, 0, names...)
	run, _ := trained(t)
	for _, model := range [][]string{{"--run", run}, {"--model", "raw", "--size", "16"}} {
		want, notes := evaluated(t, append(model, "--train", gray, "--test", gray)...)
		if strings.Contains(notes, "converted") {
			t.Errorf("%v: said %q about gray images", model, notes)
		}
		got, notes := evaluated(t, append(model, "--train", gray, "--test", color)...)
		if got != want || !strings.Contains(notes, "note: the color images of "+color+" are converted to gray") {
			t.Errorf("%v: %g %% on color images, want %g %%, said %q", model, got, want, notes)
		}
	}
	if _, notes := evaluated(t, "--model", "raw", "--train", color, "--test", gray); !strings.Contains(notes, "the gray images of "+gray+" are repeated") {
		t.Errorf("said %q", notes)
	}
	said := call(t, nil, small(images64(t), filepath.Join(t.TempDir(), "run"), "--epochs", "1", "--eval-data", writeList(t, color, "a/0.png\t0\nb/0.png\t1\n"))...)
	if said.status != 0 || !strings.Contains(said.err, "are converted to gray") {
		t.Errorf("status %d, said %q", said.status, said.err)
	}
}

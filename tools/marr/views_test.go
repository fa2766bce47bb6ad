package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl/views"
)

// colorFolder writes n color images of 20 × 30 pixels to two class folders, and an empty file with an image's suffix.
func colorFolder(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, 30, 20))
		for p := range 600 {
			img.SetRGBA(p%30, p/30, color.RGBA{uint8(7 * p), uint8(11 * i), uint8(3 * p * i), 255})
		}
		class := filepath.Join(dir, []string{"even", "odd"}[i%2])
		if err := os.MkdirAll(class, 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(class, string(rune('a'+i/26))+string(rune('a'+i%26))+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "odd", "none.jpg"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The sheet has a row for each image, with the original and each view.
func TestViewsPaintsEveryPreset(t *testing.T) {
	t.Parallel()
	dir, out := colorFolder(t, 6), filepath.Join(t.TempDir(), "views.png")
	for _, name := range views.Presets() {
		ok(t, "views", "--data", dir, "--method", name, "--images", "3", "--out", out)
		f, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b := img.Bounds(); b.Dy() < 3*cell || b.Dx() < 2*cell {
			t.Errorf("%s: a sheet of %v", name, b)
		}
	}
}

// A run may have other views than its method: of another size, with larger crops.
func TestViewsOfARunAreThoseThatItTrainedOn(t *testing.T) {
	t.Parallel()
	images, dir := images64(t), t.TempDir()
	changed := filepath.Join(dir, "views.toml")
	if err := os.WriteFile(changed, []byte("[all]\nrandom_resized_crop = { scale = [0.7, 1.0] }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "run")
	ok(t, small(images, out, "--epochs", "1", "--views", changed)...)
	if got := ok(t, "views", "--run", out, "--print"); !strings.Contains(got, "size = 16\nrandom_resized_crop = { scale = [0.7, 1]") {
		t.Errorf("the views of the run are %s", got)
	}
	png := filepath.Join(dir, "views.png")
	if said := ok(t, "views", "--run", out, "--out", png); !strings.Contains(said, "8 images, 2 views of each") {
		t.Errorf("said %q", said)
	}
	for _, c := range []struct{ want, flag, value string }{{"--method and --run: give one of them: a run has its own views", "--method", "byol"}, {"--size and --run", "--size", "20"}} {
		if r := call(t, nil, "views", "--run", out, "--out", png, c.flag, c.value); r.status != 2 || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: status %d, said %q, want %q", c.flag, r.status, r.err, c.want)
		}
	}
	if r := call(t, nil, "views", "--run", dir, "--out", png); r.status != 1 || !strings.Contains(r.err, "holds no run") {
		t.Errorf("no run: status %d, said %q", r.status, r.err)
	}
}

func TestPrintedViewsReadBackAsTheMethodsViews(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "views.toml")
	printed := ok(t, "views", "--method", "byol", "--print")
	if err := os.WriteFile(file, []byte(printed), 0o666); err != nil {
		t.Fatal(err)
	}
	if again := ok(t, "views", "--method", "simclr", "--views", file, "--print"); again != printed {
		t.Errorf("read back:\n%s\nwant\n%s", again, printed)
	}
}

// A resume with other views or with changed images is refused.
func TestRunFolderRecordsItsViewsAndSkippedFiles(t *testing.T) {
	t.Parallel()
	dir, run, file := colorFolder(t, 16), filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "views.toml")
	if err := os.WriteFile(file, []byte("[all]\nhorizontal_flip = 0.25\nremove = [\"grayscale\"]\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	args := []string{"pretrain", "--data", dir, "--out", run, "--arch", "resnet10", "--width", "4", "--size", "16", "--batch", "8", "--epochs", "1"}
	ok(t, append(args, "--views", file)...)
	config, err := os.ReadFile(filepath.Join(run, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"horizontal_flip = 0.25", "''' # flag"} {
		if !strings.Contains(string(config), want) {
			t.Errorf("config.toml lacks %q:\n%s", want, config)
		}
	}
	if strings.Contains(string(config), "grayscale") {
		t.Errorf("config.toml has an op that the recipe removes:\n%s", config)
	}
	skipped, err := os.ReadFile(filepath.Join(run, "skipped.txt"))
	if err != nil || !strings.HasPrefix(string(skipped), filepath.Join(dir, "odd", "none.jpg")+"\t") {
		t.Errorf("skipped.txt holds %q, %v", skipped, err)
	}
	other := filepath.Join(t.TempDir(), "other.toml")
	if err := os.WriteFile(other, []byte("[all]\nhorizontal_flip = 0.5\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if r := call(t, nil, append(args, "--views", other, "--resume")...); r.status == 0 || !strings.Contains(r.err, "other views") {
		t.Errorf("a run was resumed with other views: %d, %s", r.status, r.err)
	}
	if err := os.WriteFile(filepath.Join(dir, "even", "zz.png"), []byte("new"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "even", "aa.png")); err != nil {
		t.Fatal(err)
	}
	if r := call(t, nil, append(args, "--views", file, "--resume")...); r.status == 0 || !strings.Contains(r.err, "have changed") {
		t.Errorf("a run was resumed on changed images: %d, %s", r.status, r.err)
	}
}

func TestInspectCountsImagesClassesAndSkippedFiles(t *testing.T) {
	t.Parallel()
	dir, sheet := colorFolder(t, 5), filepath.Join(t.TempDir(), "sheet.png")
	text := ok(t, "data", "inspect", dir, "--size", "8", "--json", "--sheet", sheet)
	var got inspection
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if got.Images != 5 || got.Gray != 0 || got.Channels != 3 || got.Smallest != [2]int{10, 15} || got.Largest != [2]int{10, 15} || len(got.Skipped) != 1 ||
		len(got.Classes) != 2 || got.Classes[0] != (classCount{0, "even", 3}) || got.Classes[1] != (classCount{1, "odd", 2}) || len(got.Mean) != 3 {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(sheet); err != nil {
		t.Error(err)
	}
	if text := ok(t, "data", "inspect", dir); !strings.Contains(text, "5 images, color") || !strings.Contains(text, "none.jpg") {
		t.Error(text)
	}
}

func TestInspectSaysWhetherSizesAreTheOriginals(t *testing.T) {
	t.Parallel()
	dir := colorFolder(t, 2) // images of 20×30
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{dir}, "\nsizes: 20×30 (height × width)\n"},
		{[]string{dir, "--size", "8"}, "\nstored at 10×15 (height × width): larger images are reduced to a short side of 10, which --size determines\n"},
		{[]string{"builtin:fashion:test", "--size", "8"}, "\nsizes: 28×28 (height × width)\n"},
	} {
		if got := ok(t, append([]string{"data", "inspect"}, c.args...)...); !strings.Contains(got, c.want) {
			t.Errorf("inspect %v prints %q, want %q", c.args, got, c.want)
		}
	}
}

package data

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl/data/idx"
)

// write writes a file below the folder dir and makes its folders.
func write(t *testing.T, content []byte, dir string, name ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{dir}, name...)...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// cached returns options with a temporary cache.
func cached(t *testing.T, side int) Options {
	t.Helper()
	return Options{Side: side, CacheDir: t.TempDir()}
}

func openSize(t *testing.T, name string, side int) *Set {
	t.Helper()
	return openWith(t, name, cached(t, side))
}

func openWith(t *testing.T, name string, o Options) *Set {
	t.Helper()
	s, err := Open(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func encode(t *testing.T, data []byte, dims ...int) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := idx.Write(&w, idx.Array{Dims: dims, Data: data}); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func gzipped(b []byte) []byte {
	var w bytes.Buffer
	z := gzip.NewWriter(&w)
	z.Write(b)
	z.Close()
	return w.Bytes()
}

// wantError checks that opening name fails with one line that begins with "data: " and contains every part.
func wantError(t *testing.T, name string, size int, parts ...string) {
	t.Helper()
	s, err := Open(t.Context(), name, cached(t, size))
	if err == nil {
		t.Errorf("Open(%s) gave %d images, want an error", name, s.Len())
		return
	}
	for _, part := range append(parts, "data: ") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("Open(%s): error %q lacks %q", name, err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "data: ") {
		t.Errorf("Open(%s): error %q is not one line from data", name, err)
	}
}

func TestIDXFilesOpenWithTheirLabelsFile(t *testing.T) {
	pixels := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	images, labels := encode(t, pixels, 2, 3, 2), encode(t, []byte{7, 200}, 2)
	for _, c := range []struct {
		images, labels string
		zipped         [2]bool
	}{
		{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", [2]bool{false, false}},
		{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", [2]bool{true, true}},
		{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", [2]bool{true, false}},
		{"t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz", [2]bool{false, true}},
		{"train-images-idx3-ubyte", "", [2]bool{false, false}},
	} {
		dir := t.TempDir()
		content := [2][]byte{images, labels}
		for i, z := range c.zipped {
			if z {
				content[i] = gzipped(content[i])
			}
		}
		path := write(t, content[0], dir, c.images)
		if c.labels != "" {
			write(t, content[1], dir, c.labels)
		}
		s := openSize(t, path, -1) // a size of its own: the argument does not count
		var want []int32
		var classes []string
		if c.labels != "" { // 7 and 200, which are the names of the two classes
			want, classes = []int32{0, 1}, []string{"7", "200"}
		}
		h, w, uniform := s.Size()
		if s.Name != path || s.Len() != 2 || h != 3 || w != 2 || !uniform || s.C != 1 || !slices.Equal(s.Labels, want) || !slices.Equal(s.Classes, classes) ||
			!bytes.Equal(slices.Concat(s.Image(0).Pix, s.Image(1).Pix), pixels) {
			t.Errorf("%s: %s, %d images of %d×%d, labels %v, classes %v", c.images, s.Name, s.Len(), h, w, s.Labels, s.Classes)
		}
	}
}

func TestBadIDXFilesAreErrors(t *testing.T) {
	good := encode(t, make([]byte, 12), 2, 3, 2)
	for what, c := range map[string]struct {
		images, labels []byte
		want           []string
	}{
		"truncated":      {good[:20], nil, []string{"IDX file", "truncated in its data: ends at byte 20 of 28"}},
		"not IDX":        {[]byte("hello, world"), nil, []string{"bad magic number 68 65 6c 6c"}},
		"trailing":       {append(slices.Clone(good), 0), nil, []string{"trailing bytes"}},
		"two dimensions": {encode(t, make([]byte, 12), 2, 6), nil, []string{"dimensions [2 6]: expected three"}},
		"labels broken":  {good, []byte{0, 0, 8}, []string{"labels-idx1-ubyte", "truncated in its header", "open the set without labels"}},
		"labels missing": {good, encode(t, make([]byte, 3), 3), []string{"dimensions [3] of labels for the 2 images"}},
		"labels nested":  {good, encode(t, make([]byte, 4), 2, 2), []string{"dimensions [2 2] of labels"}},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, c.images, dir, "train-images-idx3-ubyte")
			if c.labels != nil {
				write(t, c.labels, dir, "train-labels-idx1-ubyte")
			}
			wantError(t, path, 32, append(c.want, dir)...)
		})
	}
}

func TestErrorsOfUnknownNamesListTheFormats(t *testing.T) {
	dir := t.TempDir()
	wantError(t, "builtin:mnist", 32, "builtin:mnist: no such built-in set", "builtin:fashion, builtin:fashion:test, builtin:fashion-placed")
	wantError(t, "builtin:fashion:train", 32, "no such built-in set")
	wantError(t, filepath.Join(dir, "nowhere"), 32, "nowhere: no such file or folder", "folder of images", "IDX images file", "builtin:fashion-placed")
	wantError(t, "", 32, "no such file or folder")
	wantError(t, write(t, []byte("x"), dir, "notes.md"), 32, "notes.md: not a data set: expected a folder")
	wantError(t, write(t, []byte("x"), dir, "train-labels-idx1-ubyte"), 32, "a file of labels: give the images file")
	below := "not a directory"
	if runtime.GOOS == "windows" {
		below = "no such file or folder"
	}
	wantError(t, filepath.Join(dir, "notes.md", "below"), 32, below+": expected a folder")
	wantError(t, "frames:"+filepath.Join(dir, "notes.md"), 32, "not a folder of clips")
	for _, size := range []int{0, -1, 4097} {
		wantError(t, dir, size, "stored size", "expected 1 to 4096 pixels")
	}
}

func TestHasFixedSize(t *testing.T) {
	batches := t.TempDir()
	write(t, nil, batches, "data_batch_1.bin")
	for name, want := range map[string]bool{
		"builtin:fashion": true, "/x/train-images-idx3-ubyte.gz": true, "t10k-images.idx3-ubyte": true, "photos": false, "/x/idx3-ubyte/photos": false,
		"/x/data_batch_3.bin": true, "test_batch.bin": true, "train.bin": true, "unlabeled_X.bin": true, "train_y.bin": false, "frames:/x": false,
		"photos.tar": false, batches: true, filepath.Dir(batches): true,
	} {
		if HasFixedSize(name) != want {
			t.Errorf("OwnSize(%q) is %v", name, !want)
		}
	}
}

package data_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/ssl/data"
)

// An image file gives the same pixels on its own as in its folder.
func TestOpenImageDecodesAsItsFolder(t *testing.T) {
	dir := t.TempDir()
	raw, err := os.ReadFile("../views/views.png")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.png")
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	folder, err := data.Open(t.Context(), dir, data.Options{Side: 40, CacheDir: t.TempDir(), Temporary: true})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	one, err := data.OpenImage(path, 40)
	if err != nil {
		t.Fatal(err)
	}
	a, b := one.Image(0), folder.Image(0)
	if one.Len() != 1 || one.C != folder.C || one.Labels != nil || a.H != b.H || a.W != b.W || !slices.Equal(a.Pix, b.Pix) || min(a.H, a.W) != 40 {
		t.Errorf("%d images of %d channels, %d×%d, in the folder %d×%d", one.Len(), one.C, a.H, a.W, b.H, b.W)
	}
	text := filepath.Join(dir, "b\u202e.jpg")
	if err := os.WriteFile(text, []byte("not an image"), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{text: `b\u202e.jpg: not a JPEG`, filepath.Join(dir, "c.png"): syscall.ENOENT.Error(), dir: "not a regular file"} {
		if _, err := data.OpenImage(path, 40); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ": give another file") {
			t.Errorf("%q: %v, want it to say %q", path, err, want)
		}
	}
}

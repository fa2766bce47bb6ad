//go:build linux

package data

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFullDiskIsAnErrorAndLeavesNoFile(t *testing.T) {
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a disk to fill: %v: needs root", err)
	}
	defer unix.Unmount(small, unix.MNT_DETACH)
	dir := photos(t, 2)
	for i := range 30 { // 3 MB: more than what is buffered before the first byte reaches the disk
		write(t, pngOf(t, gray(400, 300, byte(i))), dir, "dog", "big"+string(rune('a'+i))+".png")
	}
	_, err := Open(t.Context(), dir, Options{Side: 300, CacheDir: small})
	if err == nil {
		t.Fatal("wrote 3 MB to a disk of 64 kB")
	}
	for _, part := range []string{"data: cache " + small, "no space left", ": free about ", " MB, or set MARR_CACHE"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	if left, _ := os.ReadDir(small + "/sets"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// Other systems refuse some of these names.
func TestImagesWithAnyNameAreRead(t *testing.T) {
	dir := t.TempDir()
	names := []string{"bell\x07.png", "latin1-\xe9\xff.png", "new\nline.png", "no ending \x1b[31m"}
	for i, n := range names {
		write(t, pngOf(t, gray(4, 4, byte(i))), dir, n)
	}
	if s := openSize(t, dir, 4); !slices.Equal(s.Files, names) {
		t.Errorf("read %q", s.Files)
	}
}

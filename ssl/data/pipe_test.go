//go:build unix

package data

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func pipe(t *testing.T, dir string, name ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{dir}, name...)...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPipesSocketsAndDevicesAreNeverRead(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"set", "set.tar", "set.zip", "set.txt", "train-images-idx3-ubyte", "data_batch_1.bin", "train_X.bin"} {
		wantError(t, pipe(t, dir, name), 4, "not a regular file")
	}
	wantError(t, "/dev/zero", 4, "not a regular file")
	socket := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	wantError(t, socket, 4, "not a regular file")

	one := pngOf(t, gray(4, 4, 1))
	folder := t.TempDir()
	write(t, one, folder, "a.png")
	pipe(t, folder, "b.png")
	pipe(t, folder, "c") // without an extension: it would be opened to see what it is
	if err := os.Symlink("/dev/zero", filepath.Join(folder, "d.png")); err != nil {
		t.Fatal(err)
	}
	s := openSize(t, folder, 4)
	if len(s.Skipped) != 2 || s.Skipped[0].Reason != "not a regular file" || s.Skipped[1].Reason != "not a regular file" {
		t.Errorf("a folder: skipped %v", s.Skipped)
	}
	s = openSize(t, write(t, []byte("a.png\nb.png\nd.png\n"), folder, "list.txt"), 4)
	if s.Len() != 1 || len(s.Skipped) != 2 {
		t.Errorf("a list: read %v, skipped %v", s.Files, s.Skipped)
	}

	cifar := t.TempDir()
	write(t, cifarFile(2, 1, func(int) byte { return 1 }), cifar, "data_batch_1.bin")
	pipe(t, cifar, "batches.meta.txt")
	wantError(t, cifar, 0, "batches.meta.txt: not a regular file")
	labels := t.TempDir()
	write(t, make([]byte, 27648), labels, "train_X.bin")
	pipe(t, labels, "train_y.bin")
	wantError(t, filepath.Join(labels, "train_X.bin"), 0, "train_y.bin")
}

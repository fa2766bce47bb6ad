package filesys

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func wantText(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", filepath.Base(path), got, err, want)
	}
}

func TestLockHoldsUntilTheFileIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if held, err := Locked(path); held || err != nil {
		t.Fatalf("no file: locked %v, %v", held, err)
	}
	f, err := Lock(path)
	if err != nil || f == nil {
		t.Fatalf("%v, %v", f, err)
	}
	if other, err := Lock(path); other != nil || err != nil {
		t.Errorf("a second lock: %v, %v", other, err)
	}
	if held, err := Locked(path); !held || err != nil {
		t.Errorf("locked %v, %v", held, err)
	}
	f.Close()
	if held, err := Locked(path); held || err != nil {
		t.Errorf("after it is closed: locked %v, %v", held, err)
	}
}

func TestLockedFileIsReadRenamedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	path, final := filepath.Join(dir, "lock"), filepath.Join(dir, "final")
	write(t, final, "old")
	f, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "text"); err != nil {
		t.Fatal(err)
	}
	wantText(t, path, "text")
	if err := Replace(path, final); err != nil {
		t.Fatal(err)
	}
	next, err := Lock(path) // the name is free again, as soon as the file has another
	if err != nil || next == nil {
		t.Fatalf("after the renaming: %v, %v", next, err)
	}
	wantText(t, final, "text")
	if err := errors.Join(os.Remove(path), next.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after it is removed: %v", err)
	}
}

// A lock ends with its process. The test runs itself as the other process.
func TestLockOfAnotherProcess(t *testing.T) {
	if path := os.Getenv("FILESYS_LOCK"); path != "" {
		if f, err := Lock(path); f == nil || err != nil {
			t.Fatalf("%v, %v", f, err)
		}
		os.Stdout.WriteString("locked\n")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // without closing the file
	}
	path := filepath.Join(t.TempDir(), "lock")
	other := exec.Command(os.Args[0], "-test.run", "^TestLockOfAnotherProcess$")
	other.Env = append(os.Environ(), "FILESYS_LOCK="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if said := make([]byte, 7); true {
		if _, err := io.ReadFull(out, said); err != nil || string(said) != "locked\n" {
			t.Fatalf("the other process said %q, %v", said, err)
		}
	}
	waited := 0
	if f, err := Lock(path); f != nil || err != nil {
		t.Errorf("while another process holds it: %v, %v", f, err)
	}
	f, err := WaitLock(t.Context(), path, func() { waited++; in.Close() })
	if err != nil || f == nil || waited != 1 {
		t.Fatalf("%v, %v, waited %d times", f, err, waited)
	}
	f.Close()
	other.Wait()
}

func TestWaitLockEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	f, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	if f, err := WaitLock(ctx, path, cancel); f != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", f, err)
	}
}

func TestReplaceWaitsForReaders(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	write(t, from, "new")
	write(t, to, "old")
	reader, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		reader.Close()
	}()
	if err := Replace(from, to); err != nil {
		t.Fatal(err)
	}
	wantText(t, to, "new")
	if err := Replace(from, to); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), from) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestMapOutlivesTheOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	want := bytes.Repeat([]byte("0123456789"), 1000)
	write(t, path, string(want))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Map(f, len(want)-1)
	f.Close()
	if err != nil || !bytes.Equal(b, want[:len(want)-1]) {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if err := errors.Join(Unmap(b), os.Remove(path)); err != nil {
		t.Error(err)
	}
}

// Windows has another limit for programs that do not declare long paths.
func TestPathsMayBeLongerThan260Characters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 150), strings.Repeat("b", 150))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path, final := filepath.Join(dir, "lock"), filepath.Join(dir, "final")
	f, err := Lock(path)
	if err != nil || f == nil {
		t.Fatalf("%v, %v", f, err)
	}
	if err := errors.Join(Replace(path, final), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := Identify(final); err != nil {
		t.Error(err)
	}
}

func TestIdentifyFollowsLinksAndPaths(t *testing.T) {
	dir := t.TempDir()
	a, b, link := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(a, 0o777), os.Mkdir(b, 0o777)); err != nil {
		t.Fatal(err)
	}
	want, err := Identify(a)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := Identify(b); err != nil || id == want {
		t.Errorf("another folder: %v, %v, want one other than %v", id, err, want)
	}
	same := []string{a + string(filepath.Separator), filepath.Join(b, "..", "a")}
	err = os.Symlink(a, link)
	if err == nil {
		_, err = os.Stat(link) // Wine 10 makes links that lead nowhere
	}
	switch {
	case err == nil:
		same = append(same, link)
	case runtime.GOOS != "windows": // which allows links to administrators alone
		t.Fatal(err)
	}
	for _, path := range same {
		if id, err := Identify(path); err != nil || id != want {
			t.Errorf("%s: %v, %v, want %v", path, id, err, want)
		}
	}
	if _, err := Identify(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// photos makes a folder of n images of different sizes and colors in two classes, and a .png file that is not an image.
func photos(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "photos")
	for i := range n {
		name := fmt.Sprintf("%02d.png", i)
		if i%3 == 0 {
			write(t, pngOf(t, gray(20+i, 17, byte(5*i))), dir, "cat", name)
		} else {
			write(t, pngOf(t, rgb(20, 40+i, color.NRGBA{byte(9 * i), byte(i), 200, 255})), dir, "dog", name)
		}
	}
	write(t, []byte("no image"), dir, "cat", "zz.png")
	return dir
}

// log records notices and the calls of Progress.
type log struct {
	mu      sync.Mutex
	notices []string
	done    []int
}

func (k *log) options(o Options) Options {
	o.Notice = func(format string, args ...any) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.notices = append(k.notices, fmt.Sprintf(format, args...))
	}
	o.Progress = func(done, total int) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.done = append(k.done, done)
	}
	return o
}

func (k *log) has(part string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.notices, func(s string) bool { return strings.Contains(s, part) })
}

// cacheFiles returns the files of a cache with the given ending.
func cacheFiles(t *testing.T, o Options, ending string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(o.CacheDir, "sets", "*"+ending))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantSame(t *testing.T, a, b *Set) {
	t.Helper()
	if a.Fingerprint() != b.Fingerprint() || !slices.Equal(a.Files, b.Files) || !slices.Equal(a.Classes, b.Classes) || !slices.Equal(a.Labels, b.Labels) ||
		!slices.Equal(a.Clips, b.Clips) || !bytes.Equal(pixels(a), pixels(b)) || a.C != b.C || len(a.Skipped) != len(b.Skipped) {
		t.Errorf("sets differ: %d and %d images, bad %v and %v", a.Len(), b.Len(), a.Skipped, b.Skipped)
	}
}

func TestSetIsDecodedOnceAlsoIfItMoves(t *testing.T) {
	dir, o := photos(t, 9), cached(t, 16)
	var first, second log
	a := openWith(t, dir, first.options(o))
	if len(first.done) != 10 || first.done[9] != 10 || len(first.notices) > 0 {
		t.Errorf("building: progress %v, notices %q", first.done, first.notices)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	b := openWith(t, moved, second.options(o))
	if len(second.done) > 0 || len(second.notices) > 0 {
		t.Errorf("found again: progress %v, notices %q", second.done, second.notices)
	}
	wantSame(t, a, b)
	if want := filepath.Join(moved, "cat", "zz.png"); len(b.Skipped) != 1 || b.Skipped[0].Path != want {
		t.Errorf("bad %v, want %s", b.Skipped, want)
	}
	c := openWith(t, moved, cached(t, 16)) // anew
	wantSame(t, a, c)
	if left := cacheFiles(t, o, ".part"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestChangedFolderOrSideGetsANewCache(t *testing.T) {
	dir, o := photos(t, 6), cached(t, 16)
	file := filepath.Join(dir, "cat", "00.png")
	openWith(t, dir, o)
	for what, change := range map[string]func(){
		"a file more":   func() { write(t, pngOf(t, gray(9, 9, 9)), dir, "dog", "new.png") },
		"a file less":   func() { os.Remove(filepath.Join(dir, "dog", "01.png")) },
		"another name":  func() { os.Rename(filepath.Join(dir, "dog", "02.png"), filepath.Join(dir, "dog", "renamed.png")) },
		"other content": func() { write(t, pngOf(t, gray(20, 17, 99)), dir, "cat", "00.png") },
		"another time":  func() { os.Chtimes(file, time.Time{}, time.Unix(1, 7)) },
		"another side":  func() { o.Side++ },
	} {
		var k log
		change()
		openWith(t, dir, k.options(o))
		if len(k.done) == 0 {
			t.Errorf("%s: the old cache was taken", what)
		}
	}
}

func TestResumedBuildGivesTheSameFile(t *testing.T) {
	dir, whole := photos(t, 12), cached(t, 16)
	want := openWith(t, dir, whole)
	wantFile := contents(t, cacheFiles(t, whole, ".set")[0])
	o := cached(t, 16)
	ctx, cancel := context.WithCancel(t.Context())
	stop := o
	stop.Progress = func(done, total int) {
		if done == 5 {
			cancel()
		}
	}
	_, err := Open(ctx, dir, stop)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "of 13 images: context canceled: the next run resumes from there") {
		t.Fatalf("stopped with %v", err)
	}
	part := cacheFiles(t, o, ".part")[0]
	kept := contents(t, part)
	// As after kill: cut anywhere, or with half a record.
	for _, cut := range []int{0, 10, 55, 56, 57, 79, 80, 81, 500, len(kept) - 1, len(kept)} {
		var k log
		if err := os.WriteFile(part, kept[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := openWith(t, dir, k.options(o))
		wantSame(t, again, want)
		again.Close() // Windows keeps a mapped file
		set := cacheFiles(t, o, ".set")[0]
		if !bytes.Equal(contents(t, set), wantFile) {
			t.Errorf("cut at byte %d: the file differs from that of one build", cut)
		}
		if on := k.has("resuming after"); on != (k.done[0] > 1) || on != (cut > 1000) && cut != 500 {
			t.Errorf("cut at byte %d: begins at %v, notices %q", cut, k.done, k.notices)
		}
		if err := os.Remove(set); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamagedCacheIsDetectedAndRebuilt(t *testing.T) {
	dir, o := photos(t, 5), cached(t, 16)
	want := openWith(t, dir, o)
	if err := want.ToHeap(); err != nil { // Windows keeps a mapped file
		t.Fatal(err)
	}
	path := cacheFiles(t, o, ".set")[0]
	good := contents(t, path)
	for what, bad := range map[string][]byte{
		"empty":           {},
		"cut":             good[:len(good)-1],
		"cut to half":     good[:len(good)/2],
		"header flipped":  flip(good, 20),
		"index flipped":   flip(good, len(good)-40),
		"footer flipped":  flip(good, len(good)-30),
		"longer":          append(slices.Clone(good), 0),
		"another's":       make([]byte, 1000),
		"version of then": flip(good, 8),
	} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		var k log
		again := openWith(t, dir, k.options(o))
		wantSame(t, again, want)
		again.Close()
		if !k.has("damaged cache file") || !bytes.Equal(contents(t, path), good) {
			t.Errorf("%s: notices %q", what, k.notices)
		}
	}
}

func flip(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 0x10
	return b
}

func TestTwoRunsAtOnceBuildASetOnce(t *testing.T) {
	dir, o := photos(t, 10), cached(t, 16)
	hold := make(chan struct{})
	var k log
	var wait sync.WaitGroup
	var sets [2]*Set
	var errs [2]error
	begun := make(chan struct{})
	slow := o
	slow.Progress = func(done, total int) {
		if done == 3 {
			close(begun)
			<-hold
		}
	}
	wait.Go(func() { sets[0], errs[0] = Open(t.Context(), dir, slow) })
	select {
	case <-begun:
	case <-time.After(30 * time.Second):
		t.Fatal("the first run did not begin")
	}
	wait.Go(func() { sets[1], errs[1] = Open(t.Context(), dir, k.options(o)) })
	for deadline := time.Now().Add(30 * time.Second); !k.has("another run is building the cache of " + dir); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			close(hold)
			wait.Wait()
			t.Fatalf("the second run did not report that it waits: %v", errors.Join(errs[:]...))
		}
	}
	impatient, cancel := context.WithCancel(t.Context())
	hasty := o
	hasty.Notice = func(string, ...any) { cancel() }
	if _, err := Open(impatient, dir, hasty); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "while waiting") {
		t.Errorf("gave up waiting with %v", err)
	}
	close(hold)
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	wantSame(t, sets[0], sets[1])
	if len(k.done) > 0 || len(cacheFiles(t, o, ".part")) > 0 {
		t.Errorf("the second decoded %v; left %v", k.done, cacheFiles(t, o, ".part"))
	}
	for _, s := range sets {
		s.Close()
	}
}

func TestFilesWithoutPermissionAreTriedAgain(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("root may read everything, and files of Windows have no modes")
	}
	dir, o := photos(t, 4), cached(t, 16)
	file, sub := filepath.Join(dir, "dog", "01.png"), filepath.Join(dir, "secret")
	write(t, pngOf(t, gray(9, 9, 9)), sub, "a.png")
	os.Chmod(file, 0)
	os.Chmod(sub, 0)
	defer os.Chmod(sub, 0o700)
	s := openWith(t, dir, o)
	if len(s.Skipped) != 3 || !strings.Contains(s.Skipped[1].Reason, "permission denied") || !strings.Contains(s.Skipped[2].Reason, "permission denied") {
		t.Fatalf("bad %v", s.Skipped)
	}
	os.Chmod(file, 0o600)
	if s := openWith(t, dir, o); len(s.Skipped) != 2 {
		t.Errorf("readable now, but bad %v", s.Skipped)
	}
	os.Chmod(sub, 0o700)
	if s := openWith(t, dir, o); len(s.Skipped) != 1 {
		t.Errorf("readable now, but bad %v", s.Skipped)
	}
}

func TestCacheFolderThatIsNotWritableIsAnError(t *testing.T) {
	dir, o := photos(t, 2), cached(t, 16)
	write(t, nil, o.CacheDir, "sets") // a file where the folder should be
	if _, err := Open(t.Context(), dir, o); err == nil || !strings.Contains(err.Error(), "set MARR_CACHE") {
		t.Errorf("got %v", err)
	}
}

func TestOneImageIsASet(t *testing.T) {
	path := write(t, pngOf(t, gray(1, 1, 7)), t.TempDir(), "one.png")
	s := openSize(t, filepath.Dir(path), 16)
	if s.Len() != 1 || s.Labels != nil || s.Image(0).Pix[0] != 7 {
		t.Errorf("%d images, labels %v", s.Len(), s.Labels)
	}
	if err := s.Close(); err != nil || s.Len() != 0 || s.Close() != nil {
		t.Errorf("closed: %v, %d images", err, s.Len())
	}
}

// Two folders whose files have equal names, sizes and times differ by content.
func TestKeyDependsOnContentIfTimesAreEqual(t *testing.T) {
	o, then := cached(t, 4), time.Unix(0, 0)
	var sets []*Set
	for i := range 2 {
		dir := t.TempDir()
		path := write(t, bmpOf(byte(200*i)), dir, "a.bmp")
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
		sets = append(sets, openWith(t, dir, o))
	}
	if a, b := sets[0].Image(0).Pix[0], sets[1].Image(0).Pix[0]; a != 0 || b != 200 || sets[0].Fingerprint() == sets[1].Fingerprint() {
		t.Errorf("pixels %d and %d, want 0 and 200", a, b)
	}
}

// bmpOf returns an uncompressed 24-bit BMP file of one gray pixel.
func bmpOf(v byte) []byte {
	b := append([]byte("BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x18\x00"), make([]byte, 24)...)
	return append(b, v, v, v, 0)
}

// Only the cache of a folder's last state is kept; the caches of other folders are not removed.
func TestCacheOfAnEarlierStateIsRemoved(t *testing.T) {
	dir, other, o := photos(t, 3), photos(t, 4), cached(t, 8)
	openWith(t, other, o)
	for i := range 3 {
		write(t, pngOf(t, gray(2, 2, byte(i))), dir, "cat", fmt.Sprintf("new%d.png", i))
		openWith(t, dir, o).Close() // Windows keeps a mapped file
	}
	if left := cacheFiles(t, o, ".set"); len(left) != 2 {
		t.Errorf("kept %v, want one for each folder", left)
	}
	var k log
	openWith(t, other, k.options(o))
	if len(k.done) > 0 {
		t.Error("the other folder was decoded again")
	}
}

package vk

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

// cached opens a device with a cache in dir. It returns the device and its warnings.
func cached(t *testing.T, dir string) (d *Device, warnings *[]string) {
	t.Helper()
	warnings = new([]string)
	d = must[*Device](t)(Open("", Options{CacheDir: dir, Warn: func(s string) { *warnings = append(*warnings, s) }}))
	t.Cleanup(func() { d.Close() })
	return d, warnings
}

// compute compiles a kernel and runs it.
func compute(t *testing.T, d *Device) {
	t.Helper()
	a, b := newWords(t, d, []uint32{1, 2, 3, 4}), newBuffer(t, d, 4, DeviceLocal)
	r := d.NewRecorder()
	r.Dispatch(affineOp(t, d, b.All(), a.All(), 5, 2))
	runSegments(t, d, end(t, r))
	if got := readWords(t, d, b.All()); got[3] != 22 {
		t.Errorf("got %v", got)
	}
}

// wantCache checks that dir holds one file, a valid cache, and returns the path and content of the file.
func wantCache(t *testing.T, dir string, header vulkanCacheHeader) (path string, raw []byte) {
	t.Helper()
	files := must[[]os.DirEntry](t)(os.ReadDir(dir))
	if len(files) != 1 || !strings.HasPrefix(files[0].Name(), "pipelines-") || !strings.HasSuffix(files[0].Name(), ".bin") {
		t.Fatalf("the folder holds %v", files)
	}
	path = filepath.Join(dir, files[0].Name())
	raw = must[[]byte](t)(os.ReadFile(path))
	if _, err := decodeCache(raw, header); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return path, raw
}

// headerOf returns the header of the default device's caches.
func headerOf(t *testing.T) vulkanCacheHeader {
	t.Helper()
	in := must[*instance](t)(getInstance(instanceKey{ReadSettings().Validation, newestAPI}))
	return must[*physical](t)(choose(must[[]*physical](t)(in.physicals()), "", "")).cacheHeader()
}

func TestPipelineCacheOutlivesTheDevice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "at need")
	d, warnings := cached(t, dir)
	compute(t, d)
	if err := d.SaveCache(); err != nil {
		t.Fatal(err)
	}
	path, first := wantCache(t, dir, headerOf(t))
	if len(first) <= cacheHeader {
		t.Errorf("%d bytes", len(first))
	}
	d.Close()
	_, first = wantCache(t, dir, headerOf(t))
	again, warned := cached(t, dir)
	if again.cache.saved == [32]byte{} {
		t.Error("the second device began with an empty cache")
	}
	os.Remove(path)
	if err := again.SaveCache(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the cache was written although nothing changed")
	}
	compute(t, again)
	again.Close()
	if len(*warnings)+len(*warned) > 0 {
		t.Errorf("warnings %v %v", *warnings, *warned)
	}
	if err := again.SaveCache(); err == nil {
		t.Error("SaveCache of a closed device succeeded")
	}
}

func TestDamagedOrForeignCacheIsReplaced(t *testing.T) {
	dir := t.TempDir()
	d, _ := cached(t, dir)
	compute(t, d)
	d.Close()
	header := headerOf(t)
	path, good := wantCache(t, dir, header)
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0x10
		return b
	}
	foreign := func(change func(h *vulkanCacheHeader)) []byte {
		h := header
		change(&h)
		data := bytes.Clone(good[cacheHeader:])
		if _, err := binary.Encode(data, binary.LittleEndian, h); err != nil {
			t.Fatal(err)
		}
		return encodeCache(data)
	}
	for _, c := range []struct {
		name, want string
		content    []byte
	}{
		{"empty", "not a pipeline cache", nil},
		{"magic", "not a pipeline cache", flip(0)},
		{"version", "version", flip(8)},
		{"length", "bytes instead of", flip(12)},
		{"sum", "damaged", flip(20)},
		{"data", "damaged", flip(len(good) - 1)},
		{"longer", "bytes instead of", append(bytes.Clone(good), 0)},
		{"header size", "another device", foreign(func(h *vulkanCacheHeader) { h.Size++ })},
		{"header version", "another device", foreign(func(h *vulkanCacheHeader) { h.Version++ })},
		{"vendor", "another device", foreign(func(h *vulkanCacheHeader) { h.Vendor++ })},
		{"device", "another device", foreign(func(h *vulkanCacheHeader) { h.Device++ })},
		{"uuid", "another device", foreign(func(h *vulkanCacheHeader) { h.UUID[15]++ })},
		{"no data", "another device", encodeCache(nil)},
	} {
		if err := os.WriteFile(path, c.content, 0o644); err != nil {
			t.Fatal(err)
		}
		d, warnings := cached(t, dir)
		compute(t, d)
		d.Close()
		if len(*warnings) != 1 || !strings.Contains((*warnings)[0], c.want) || !strings.Contains((*warnings)[0], path) {
			t.Errorf("%s: warnings %q, want one with %q", c.name, *warnings, c.want)
		}
		wantCache(t, dir, header)
	}
}

func TestNoDamagedCacheReachesTheDriver(t *testing.T) {
	header := headerOf(t)
	data := must[[]byte](t)(binary.Append(nil, binary.LittleEndian, header))
	for i := range 300 {
		data = append(data, byte(i))
	}
	good := encodeCache(data)
	if got, err := decodeCache(good, header); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	g := rng.New(1)
	for at := range good {
		b := bytes.Clone(good)
		b[at] ^= byte(1 + g.Intn(255))
		if _, err := decodeCache(b, header); err == nil {
			t.Errorf("a cache with byte %d changed was accepted", at)
		}
		if _, err := decodeCache(good[:at], header); err == nil {
			t.Errorf("a cache cut to %d bytes was accepted", at)
		}
	}
}

func TestUnusableCacheFolderGivesOneWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d, warnings := cached(t, filepath.Join(file, "in a file"))
	compute(t, d)
	if err := d.SaveCache(); err == nil {
		t.Error("SaveCache succeeded")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if len(*warnings) != 1 {
		t.Errorf("warnings %q, want one", *warnings)
	}
	quiet := must[*Device](t)(Open("", Options{CacheDir: file}))
	if err := quiet.Close(); err != nil { // no Options.Warn
		t.Error(err)
	}
}

func TestDevicesClosedConcurrentlyLeaveACompleteCache(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		d, warnings := cached(t, dir)
		compute(t, d)
		wg.Go(func() {
			if err := d.Close(); err != nil || len(*warnings) > 0 {
				t.Error(err, *warnings)
			}
		})
	}
	wg.Wait()
	wantCache(t, dir, headerOf(t))
}

func TestCacheDirFollowsTheEnvironment(t *testing.T) {
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} { // Linux, macOS, Windows
		t.Setenv(name, "/user")
	}
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string]string{"": filepath.Join(user, "marr"), "off": "", "/elsewhere": "/elsewhere"} {
		t.Setenv("MARR_CACHE", set)
		if got, err := CacheDir(); got != want || err != nil {
			t.Errorf("MARR_CACHE=%q: %q, %v, want %q", set, got, err, want)
		}
	}
	t.Setenv("MARR_CACHE", "")
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	_, err = CacheDir()
	wantError(t, err, "set MARR_CACHE")
}

package vk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"

	"github.com/marr-ssl/marr/vk/filesys"
)

// CacheDir is the folder for what a machine keeps between runs, such as compiled pipelines (Options.CacheDir): the environment
// variable MARR_CACHE where it is set ("off": none, which is ""), else the folder marr among the user's caches. It need not exist.
func CacheDir() (string, error) {
	switch v := ReadSettings().Cache; v {
	case "":
	case "off":
		return "", nil
	default:
		return v, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("vk: cache folder: %w: set MARR_CACHE to one, or to off", err)
	}
	return filepath.Join(dir, "marr"), nil
}

// pipelineCache is a VkPipelineCache with the file that it is loaded from and saved to.
type pipelineCache struct {
	handle uint64 // 0: off
	path   string
	warn   func(string)

	mu    sync.Mutex
	saved [sha256.Size]byte // hash of the data in the file
}

// A cache file holds cacheMagic, cacheVersion, the length and the SHA-256 of Vulkan's data, then the data; numbers are little
// endian. Drivers have crashed on damaged data, so damage is detected before the driver gets them.
const (
	cacheMagic   = "marrpipe"
	cacheVersion = 1
	cacheHeader  = len(cacheMagic) + 4 + 8 + sha256.Size
)

// vulkanCacheHeader is VkPipelineCacheHeaderVersionOne, the beginning of Vulkan's data.
type vulkanCacheHeader struct {
	Size, Version, Vendor, Device uint32
	UUID                          [16]byte
}

// cacheHeader returns the beginning of Vulkan's data for this device.
func (p *physical) cacheHeader() vulkanCacheHeader {
	return vulkanCacheHeader{32, 1, p.VendorID, p.DeviceID, p.cacheUUID}
}

func encodeCache(data []byte) []byte {
	sum := sha256.Sum256(data)
	b := binary.LittleEndian.AppendUint32([]byte(cacheMagic), cacheVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	return append(append(b, sum[:]...), data...)
}

// decodeCache returns Vulkan's data from a file made by encodeCache. Damage or another header is an error.
func decodeCache(raw []byte, want vulkanCacheHeader) ([]byte, error) {
	if len(raw) < cacheHeader || string(raw[:len(cacheMagic)]) != cacheMagic {
		return nil, errors.New("it is not a pipeline cache")
	}
	at := raw[len(cacheMagic):]
	if v := binary.LittleEndian.Uint32(at); v != cacheVersion {
		return nil, fmt.Errorf("it has version %d, and this program reads version %d", v, cacheVersion)
	}
	data := raw[cacheHeader:]
	if n := binary.LittleEndian.Uint64(at[4:]); n != uint64(len(data)) {
		return nil, fmt.Errorf("it holds %d bytes instead of %d", len(data), n)
	}
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], at[12:12+len(sum)]) {
		return nil, errors.New("it is damaged")
	}
	var got vulkanCacheHeader
	if _, err := binary.Decode(data, binary.LittleEndian, &got); err != nil || got != want {
		return nil, errors.New("another device or driver wrote it")
	}
	return data, nil
}

// open makes the cache, from the file if that is valid. A problem is a warning, since pipelines compile without a cache.
func (c *pipelineCache) open(d *Device, p *physical, opt Options) {
	if opt.CacheDir == "" {
		return
	}
	c.path = filepath.Join(opt.CacheDir, fmt.Sprintf("pipelines-%04x-%04x-%x-%08x.bin", p.VendorID, p.DeviceID, p.cacheUUID, p.DriverVersion))
	c.warn = opt.Warn
	raw, err := os.ReadFile(c.path)
	var data []byte
	if err == nil {
		data, err = decodeCache(raw, p.cacheHeader())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.warnOnce("not used", err)
	}
	if c.handle, err = d.shim.cache(data); err != nil && len(data) > 0 { // a driver may reject data that it wrote itself
		c.warnOnce("not used", err)
		data = nil
		c.handle, err = d.shim.cache(nil)
	}
	if err != nil {
		c.warnOnce("not used", err)
	}
	if len(data) > 0 {
		c.saved = sha256.Sum256(data)
	}
}

// warnOnce reports the first problem of a device's cache.
func (c *pipelineCache) warnOnce(what string, err error) {
	if c.warn != nil {
		c.warn(fmt.Sprintf("pipeline cache %s: %s: %v: kernels will be compiled again", c.path, what, err))
	}
	c.warn = nil
}

// close frees the cache, and saves it first if save is true.
func (c *pipelineCache) close(d *Device, save bool) {
	if c.handle == 0 {
		return
	}
	if save {
		if err := c.save(d); err != nil {
			c.warnOnce("not written", err)
		}
	}
	vulkan.DestroyPipelineCache(d.dev, fromHandle[vulkan.PipelineCache](c.handle), nil)
}

// SaveCache writes the pipelines compiled so far to the cache folder, as Close does. It does nothing without Options.CacheDir, or
// if nothing has changed since the last time.
func (d *Device) SaveCache() error {
	if err := d.alive("save pipeline cache"); err != nil {
		return err
	}
	if d.cache.handle == 0 {
		return nil
	}
	if err := d.cache.save(d); err != nil {
		return fmt.Errorf("vk: save pipeline cache: %w", err)
	}
	return nil
}

func (c *pipelineCache) save(d *Device) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, err := c.data(d)
	if err != nil || len(data) < binary.Size(vulkanCacheHeader{}) { // lavapipe of Mesa 26 returns a part of the header, and no pipelines
		return err
	}
	sum := sha256.Sum256(data)
	if sum == c.saved {
		return nil
	}
	if err := WriteFileAtomic(c.path, encodeCache(data)); err != nil {
		return err
	}
	c.saved = sum
	return nil
}

// data returns the content of the cache. It may grow between the two calls, if another goroutine compiles a kernel: then the second
// returns VK_INCOMPLETE, and both are repeated.
func (c *pipelineCache) data(d *Device) ([]byte, error) {
	h := fromHandle[vulkan.PipelineCache](c.handle)
	for {
		var n uint
		if err := check(vulkan.GetPipelineCacheData(d.dev, h, &n, nil), "vkGetPipelineCacheData"); err != nil || n == 0 {
			return nil, err
		}
		data := make([]byte, n)
		r := vulkan.GetPipelineCacheData(d.dev, h, &n, unsafe.Pointer(&data[0]))
		if r == vulkan.Incomplete {
			continue
		}
		return data[:n], check(r, "vkGetPipelineCacheData")
	}
}

// WriteFileAtomic replaces the file at path. Readers see the old or the new content, complete, even while several processes write.
// It makes the folder if that is missing.
func WriteFileAtomic(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return filesys.Replace(f.Name(), path)
}

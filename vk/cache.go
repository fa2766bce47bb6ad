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
)

// CacheDir is the folder for what a machine keeps between runs, such as compiled pipelines (Options.CacheDir): the environment
// variable MARR_CACHE where it is set ("off": none, which is ""), else the folder marr among the user's caches. It need not exist.
func CacheDir() (string, error) {
	switch v := os.Getenv("MARR_CACHE"); v {
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

// pipelineCache is a VkPipelineCache and the file that it begins with and is saved to.
type pipelineCache struct {
	handle uint64 // 0: off
	path   string
	warn   func(string)

	mu    sync.Mutex
	saved [sha256.Size]byte // of the data that the file holds
}

// cacheMagic, cacheVersion, the length and the SHA-256 of Vulkan's data stand before these in a cache file, little endian: drivers
// have crashed on data that was damaged, so it must be known to be what they wrote.
const (
	cacheMagic   = "marrpipe"
	cacheVersion = 1
	cacheHeader  = len(cacheMagic) + 4 + 8 + sha256.Size
)

// vulkanCacheHeader is VkPipelineCacheHeaderVersionOne, with which Vulkan's data begins.
type vulkanCacheHeader struct {
	Size, Version, Vendor, Device uint32
	UUID                          [16]byte
}

// cacheHeader is what data of this device begins with.
func (p *physical) cacheHeader() vulkanCacheHeader {
	return vulkanCacheHeader{32, 1, p.VendorID, p.DeviceID, p.cacheUUID}
}

func encodeCache(data []byte) []byte {
	sum := sha256.Sum256(data)
	b := binary.LittleEndian.AppendUint32([]byte(cacheMagic), cacheVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	return append(append(b, sum[:]...), data...)
}

// decodeCache returns Vulkan's data in a file that encodeCache made on a device with this header.
func decodeCache(raw []byte, want vulkanCacheHeader) ([]byte, error) {
	if len(raw) < cacheHeader || string(raw[:len(cacheMagic)]) != cacheMagic {
		return nil, errors.New("it is no pipeline cache")
	}
	at := raw[len(cacheMagic):]
	if v := binary.LittleEndian.Uint32(at); v != cacheVersion {
		return nil, fmt.Errorf("it has version %d, this program writes %d", v, cacheVersion)
	}
	data := raw[cacheHeader:]
	if n := binary.LittleEndian.Uint64(at[4:]); n != uint64(len(data)) {
		return nil, fmt.Errorf("it holds %d bytes and should hold %d", len(data), n)
	}
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], at[12:12+len(sum)]) {
		return nil, errors.New("it is damaged")
	}
	var got vulkanCacheHeader
	if _, err := binary.Decode(data, binary.LittleEndian, &got); err != nil || got != want {
		return nil, errors.New("another device or driver made it")
	}
	return data, nil
}

// open makes the cache, from the file where that is good. What is wrong with it is a warning: pipelines can do without.
func (c *pipelineCache) open(d *Device, p *physical, opt Options) {
	if opt.CacheDir == "" {
		return
	}
	c.path = filepath.Join(opt.CacheDir, fmt.Sprintf("pipelines-%x-%08x.bin", p.cacheUUID, p.DriverVersion))
	c.warn = opt.Warn
	raw, err := os.ReadFile(c.path)
	var data []byte
	if err == nil {
		data, err = decodeCache(raw, p.cacheHeader())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.complain("not used", err)
	}
	if c.handle, err = d.shim.cache(data); err != nil && len(data) > 0 { // a driver may refuse what it wrote itself
		c.complain("not used", err)
		data = nil
		c.handle, err = d.shim.cache(nil)
	}
	if err != nil {
		c.complain("not used", err)
	}
	if len(data) > 0 {
		c.saved = sha256.Sum256(data)
	}
}

// complain warns, once a device.
func (c *pipelineCache) complain(what string, err error) {
	if c.warn != nil {
		c.warn(fmt.Sprintf("pipeline cache %s: %s: %v: kernels will be compiled anew", c.path, what, err))
	}
	c.warn = nil
}

// close saves the cache, if that is wanted, and frees it.
func (c *pipelineCache) close(d *Device, save bool) {
	if c.handle == 0 {
		return
	}
	if save {
		if err := c.save(d); err != nil {
			c.complain("not written", err)
		}
	}
	vulkan.DestroyPipelineCache(d.dev, fromHandle[vulkan.PipelineCache](c.handle), nil)
}

// SaveCache writes the pipelines compiled so far to the cache folder, as Close does; without Options.CacheDir, and when nothing
// changed since, it does nothing.
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
	if err != nil || len(data) == 0 {
		return err
	}
	sum := sha256.Sum256(data)
	if sum == c.saved {
		return nil
	}
	if err := ReplaceFile(c.path, encodeCache(data)); err != nil {
		return err
	}
	c.saved = sum
	return nil
}

// data is the cache as the driver gives it out. It may grow between the two calls, by kernels that others compile: then the second
// is VK_INCOMPLETE, and all is asked for again.
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

// ReplaceFile writes a file so that at every moment the old one or the new one is there, whole, also when several processes do so.
func ReplaceFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has its name
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

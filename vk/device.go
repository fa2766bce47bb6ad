package vk

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// Options change how a device is opened; the zero value is right for training.
type Options struct {
	// StorageRange, when above 0, lowers the device's limit on the bytes of one binding: for tests, and for drivers whose
	// reported limit does not work.
	StorageRange int64
	// Validation puts the Khronos validation layer with synchronization validation in front of the driver, as does
	// MARR_VALIDATION=1 in the environment. See CheckValidation.
	Validation bool
	// Statistics makes the compiler keep what Pipeline.Statistics tells; only some drivers can.
	Statistics bool
	// CacheDir is the folder in which compiled pipelines outlive the process, see CacheDir; empty: they do not.
	CacheDir string
	// Warn is told, in one line, of what is wrong and yet no reason to stop: a pipeline cache that is damaged or cannot be written.
	// It is called on the goroutine of Open or Close.
	Warn func(string)
}

// Device is an open Vulkan device with one compute queue. Its methods may be called from several goroutines; work that they
// submit runs in the order in which Submit was called.
type Device struct {
	info   Info
	memory memoryInfo
	shim   shimDevice
	dev    vulkan.Device
	family uint32
	budget float64 // see WorkBudget
	tells  bool    // Options.Statistics
	cache  pipelineCache

	mu        sync.Mutex // everything down to the next mutex
	closed    bool
	inUse     []int64 // bytes allocated from each heap
	buffers   map[*Buffer]bool
	segments  map[*Segment]bool
	pipelines map[string]*pipelineEntry
	layouts   map[layoutKey]uint64 // set layouts, under keys without push bytes
	plLayouts map[layoutKey]uint64 // pipeline layouts

	queue   sync.Mutex // the VkQueue, fences and pending
	fences  []vulkan.Fence
	pending []*Ticket // submitted and not yet known to be done, in order

	staging sync.Mutex // the two staging buffers
	upload  *Buffer
	readout *Buffer
}

// Open opens a device. The selector is its index in List, or any part of its name, in any case, that fits only one device; when it
// is empty, the environment variable MARR_DEVICE is used in its stead, and without that the best device: discrete before
// integrated, virtual, CPU, other, and the first of equals. A selector that fits none or several is an error that lists all
// devices; a device with fewer than MinStorageBuffers bindings or without a compute queue is refused.
func Open(selector string, opt Options) (*Device, error) { return open(selector, opt, newestAPI) }

// open is Open with an upper limit on the API version, so that tests run everything as on a Vulkan 1.0 driver.
func open(selector string, opt Options, apiLimit uint32) (*Device, error) {
	in, err := getInstance(instanceKey{validationWanted(opt), apiLimit})
	if err != nil {
		return nil, err
	}
	all, err := in.physicals()
	if err != nil {
		return nil, err
	}
	p, err := choose(all, selector)
	if err != nil {
		return nil, err
	}
	if err := usable(p); err != nil {
		return nil, err
	}
	if opt.Statistics && p.info.statistics == 0 {
		return nil, fmt.Errorf("vk: open %q: its driver tells no statistics of pipelines: open it without Options.Statistics", p.Name)
	}
	shim, dev, err := shimDeviceCreate(in, p, opt.Statistics)
	if err != nil {
		return nil, fmt.Errorf("vk: open %q: %w", p.Name, err)
	}
	d := &Device{
		info: p.Info, memory: p.memory, shim: shim, dev: dev, family: uint32(p.family), budget: workBudget(p.Type), tells: opt.Statistics,
		inUse: make([]int64, len(p.memory.heaps)), buffers: map[*Buffer]bool{}, segments: map[*Segment]bool{},
		pipelines: map[string]*pipelineEntry{}, layouts: map[layoutKey]uint64{}, plLayouts: map[layoutKey]uint64{},
	}
	if opt.StorageRange > 0 {
		l := &d.info.Limits
		l.StorageRange = uint32(min(opt.StorageRange, int64(l.StorageRange)))
		l.TexelElements = uint32(min(opt.StorageRange/texelBytes, int64(l.TexelElements)))
	}
	d.cache.open(d, p, opt)
	return d, nil
}

// choose applies a selector, see Open.
func choose(all []*physical, selector string) (*physical, error) {
	from := "device"
	if selector == "" {
		selector, from = os.Getenv("MARR_DEVICE"), "MARR_DEVICE"
	}
	if selector == "" {
		best := all[0]
		for _, p := range all {
			if usable(p) == nil && (usable(best) != nil || p.Type < best.Type) {
				best = p
			}
		}
		return best, nil
	}
	if i, err := strconv.Atoi(selector); err == nil {
		if i < 0 || i >= len(all) {
			return nil, fmt.Errorf("vk: %s %d: no such index: choose one of %s", from, i, listing(all))
		}
		return all[i], nil
	}
	var found []*physical
	for _, p := range all {
		if strings.Contains(strings.ToLower(p.Name), strings.ToLower(selector)) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("vk: %s %q: no device has that in its name: choose one of %s", from, selector, listing(all))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("vk: %s %q: fits %d devices: choose one of %s", from, selector, len(found), listing(all))
}

func listing(all []*physical) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = fmt.Sprintf("%d %q (%v)", p.Index, p.Name, p.Type)
	}
	return strings.Join(names, ", ")
}

func usable(p *physical) error {
	if p.family < 0 {
		return fmt.Errorf("vk: open %q: it has no compute queue: choose another device", p.Name)
	}
	if n := p.Limits.StorageBuffersPerStage; n < MinStorageBuffers {
		return fmt.Errorf("vk: open %q: it binds %d storage buffers to a shader, %d are needed: choose another device", p.Name, n, MinStorageBuffers)
	}
	return nil
}

// workBudget is the number of floating point operations after which a recording goes on in another command buffer, such that one
// submission takes less than half a second; watchdogs reset a GPU after 2 s (Windows) to 10 s (Linux). It assumes what unhurried
// kernels reach on a slow device of the kind: 10 GFLOP/s on two CPU cores, 0.5 TFLOP/s integrated, 2 TFLOP/s discrete.
func workBudget(t DeviceType) float64 {
	switch t {
	case Discrete:
		return 1e12
	case Integrated, Virtual:
		return 1.5e11
	}
	return 5e9
}

// WorkBudget is the number of floating point operations after which a recording goes on in another submission. An op that has more
// holds the device longer than its watchdog may allow: do its work in several.
func (d *Device) WorkBudget() float64 { return d.budget }

// Info describes the device. With Options.StorageRange, Limits.StorageRange and Limits.TexelElements are the lowered ones.
func (d *Device) Info() Info { return d.info }

// Close waits for all submitted work and frees the device with everything made from it. It must not run at the same time as any
// other method; a second call does nothing. The error is that of the wait (ErrDeviceLost).
func (d *Device) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()
	err := d.shim.waitIdle()
	d.cache.close(d, err == nil)
	for s := range d.segments {
		s.destroy()
	}
	for b := range d.buffers {
		b.destroy()
	}
	for _, p := range d.pipelines {
		if p.pipeline != nil {
			vulkan.DestroyPipeline(d.dev, fromHandle[vulkan.Pipeline](p.pipeline.handle), nil)
		}
	}
	for _, l := range d.plLayouts {
		vulkan.DestroyPipelineLayout(d.dev, fromHandle[vulkan.PipelineLayout](l), nil)
	}
	for _, l := range d.layouts {
		vulkan.DestroyDescriptorSetLayout(d.dev, fromHandle[vulkan.DescriptorSetLayout](l), nil)
	}
	for _, t := range d.pending {
		t.abandon(err)
	}
	for _, f := range d.fences {
		vulkan.DestroyFence(d.dev, f, nil)
	}
	d.segments, d.buffers, d.pipelines, d.pending, d.fences = nil, nil, nil, nil, nil
	d.shim.destroy()
	return err
}

// InUse is the memory of all buffers that are alive, in bytes.
func (d *Device) InUse() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var sum int64
	for _, n := range d.inUse {
		sum += n
	}
	return sum
}

// alive returns an error on a closed device; d.mu is not held.
func (d *Device) alive(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("vk: %s: the device %q is closed", what, d.info.Name)
	}
	return nil
}

// forever is the timeout of waits: a lost device ends them with an error.
const forever = math.MaxUint64

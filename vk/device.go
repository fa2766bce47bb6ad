package vk

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	vulkan "github.com/vulkan-go/vulkan"
)

// Options are the settings of Open. The zero value is the default for training.
type Options struct {
	// StorageRange, if above 0, lowers the device's limit on the bytes of one binding: for tests, and for drivers that report
	// a limit that does not work.
	StorageRange int64
	// Validation loads the Khronos validation layer with synchronization validation, as MARR_VALIDATION=1 in the environment
	// does. See CheckValidation.
	Validation bool
	// Assembly makes the compiler keep the text that Pipeline.Assembly returns; the pipeline cache is then of no use. Only some
	// drivers support it.
	Assembly bool
	// CacheDir is the folder that keeps compiled pipelines between processes (see the function CacheDir); empty: none.
	CacheDir string
	// Warn receives one-line warnings: the pipeline cache is damaged or cannot be written. Open, Close and Reopen call it on their
	// goroutine.
	Warn func(string)
	// Compiling receives the progress of Pipelines: done = 0 before the first kernel, a call after each, and done = total at the end, also
	// after a failure. The calls come one at a time, on any goroutine.
	Compiling func(done, total int)
}

// Device is an open Vulkan device with one compute queue. Several goroutines may call its methods; submitted work runs in the order
// of the calls to Submit.
type Device struct {
	info     Info
	memory   memoryInfo
	instance *instance
	physical *physical
	options  Options
	watchdog watchdog
	lost     atomic.Pointer[Error] // the error that reported the loss; nil: the device is not lost

	shim  shimDevice // what create makes, down to cache
	dev   vulkan.Device
	cache pipelineCache

	mu        sync.Mutex // guards the fields down to the next mutex
	closed    bool
	settings  Settings
	inUse     []int64 // bytes allocated from each heap
	buffers   map[*Buffer]bool
	segments  map[*Segment]bool
	pipelines map[string]*pipelineEntry
	layouts   map[layoutKey]uint64 // descriptor set layouts, by keys without push bytes
	plLayouts map[layoutKey]uint64 // pipeline layouts

	queue   sync.Mutex // guards the VkQueue and the fields down to the next mutex
	loseAt  int        // see SimulateLoss
	fences  []vulkan.Fence
	pending []*Ticket // submitted and not yet found done, in order

	staging  sync.Mutex // guards the two staging buffers
	upload   *Buffer
	readback *Buffer
}

// Open opens a device. The selector is an index in List or a part of a name, in upper or lower case, that only one device has. If
// it is empty, Open uses the environment variable MARR_DEVICE; without that it chooses the best device: discrete before integrated,
// virtual, CPU and other, and the first among equals. A selector that matches no device or several is an error that lists all
// devices. A device with fewer than MinStorageBuffers bindings or without a compute queue is an error.
func Open(selector string, opt Options) (*Device, error) { return open(selector, opt, newestAPI) }

// open is Open with an upper limit on the API version, with which tests simulate a Vulkan 1.0 driver.
func open(selector string, opt Options, apiLimit uint32) (*Device, error) {
	settings := ReadSettings()
	in, err := getInstance(instanceKey{opt.Validation || settings.Validation, apiLimit})
	if err != nil {
		return nil, err
	}
	all, err := in.physicals()
	if err != nil {
		return nil, err
	}
	p, err := choose(all, selector, settings.Device)
	if err != nil {
		return nil, err
	}
	if err := checkUsable(p); err != nil {
		return nil, err
	}
	if opt.Assembly && !p.Caps.Statistics {
		return nil, fmt.Errorf("vk: open %q: the driver shows no assembly: open it without Options.Assembly", p.Name)
	}
	d := &Device{info: p.Info, memory: p.memory, instance: in, physical: p, options: opt, watchdog: newWatchdog(p.Type), settings: settings}
	if opt.StorageRange > 0 {
		l := &d.info.Limits
		l.StorageRange = uint32(min(opt.StorageRange, int64(l.StorageRange)))
		l.TexelElements = uint32(min(opt.StorageRange/texelBytes, int64(l.TexelElements)))
	}
	if err := d.create(); err != nil {
		return nil, fmt.Errorf("vk: open %q: %w", p.Name, err)
	}
	return d, nil
}

// create makes the VkDevice, from which nothing is made yet.
func (d *Device) create() (err error) {
	if d.shim, d.dev, err = shimDeviceCreate(d.instance, d.physical, d.options.Assembly); err != nil {
		return err
	}
	d.inUse = make([]int64, len(d.memory.heaps))
	d.buffers, d.segments = map[*Buffer]bool{}, map[*Segment]bool{}
	d.pipelines, d.layouts, d.plLayouts = map[string]*pipelineEntry{}, map[layoutKey]uint64{}, map[layoutKey]uint64{}
	d.upload, d.readback = nil, nil
	d.cache = pipelineCache{}
	d.cache.open(d, d.physical, d.options)
	return nil
}

// choose applies a selector, or if it is empty that of MARR_DEVICE, see Open.
func choose(all []*physical, selector, fromEnv string) (*physical, error) {
	from := "device"
	if selector == "" {
		selector, from = fromEnv, "MARR_DEVICE"
	}
	if selector == "" {
		best := all[0]
		for _, p := range all {
			if checkUsable(p) == nil && (checkUsable(best) != nil || p.Type < best.Type) {
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

// checkUsable returns an error if a device lacks what every program needs.
func checkUsable(p *physical) error {
	if p.family < 0 {
		return fmt.Errorf("vk: open %q: it has no compute queue: choose another device", p.Name)
	}
	if n := p.Limits.StorageBuffersPerStage; n < MinStorageBuffers {
		return fmt.Errorf("vk: open %q: a shader can bind %d storage buffers, and %d are needed: choose another device", p.Name, n, MinStorageBuffers)
	}
	return nil
}

// queueFamily describes the queues of a family.
type queueFamily struct{ flags, timestampBits uint32 }

// chooseFamily returns the index of the queue family to use, or -1 if none has compute: the first without graphics, which shares
// neither time nor watchdog with the desktop, if it has timestamps; else the first with compute.
func chooseFamily(families []queueFamily) int {
	const compute, graphics = uint32(vulkan.QueueComputeBit), uint32(vulkan.QueueGraphicsBit)
	first := -1
	for i, f := range families {
		if f.flags&compute == 0 {
			continue
		}
		if f.flags&graphics == 0 && f.timestampBits > 0 {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return first
}

// Info returns the description of the device. Options.StorageRange lowers its Limits.StorageRange and Limits.TexelElements.
func (d *Device) Info() Info { return d.info }

// Close waits for all submitted work and frees the device with everything made from it. It must not run concurrently with another
// method. A second call does nothing. The error is that of the wait (ErrDeviceLost).
func (d *Device) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()
	return d.free()
}

// free waits for all submitted work and frees the VkDevice with everything made from it. The error is that of the wait.
func (d *Device) free() error {
	err := cmp.Or(d.noteLoss(d.shim.waitIdle()), d.loss())
	d.cache.close(d, err == nil)
	for s := range d.segments {
		s.destroy()
	}
	for b := range d.buffers {
		b.destroy()
	}
	for _, p := range d.pipelines {
		if p.pipeline != nil {
			p.pipeline.freed = true
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

// InUse returns the memory of all living buffers, in bytes.
func (d *Device) InUse() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var sum int64
	for _, n := range d.inUse {
		sum += n
	}
	return sum
}

// alive returns an error if the device is closed or lost. The caller does not hold d.mu.
func (d *Device) alive(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return fmt.Errorf("vk: %s: the device %q is closed", what, d.info.Name)
	case d.Lost():
		return fmt.Errorf("vk: %s: %w", what, d.loss())
	}
	return nil
}

// forever is the timeout of waits. A lost device ends a wait with an error.
const forever = math.MaxUint64

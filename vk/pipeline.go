package vk

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// Kernel is a compute shader with its specialization constants.
type Kernel struct {
	Name      string
	Code      []uint32 // SPIR-V with the entry point "main"
	Bindings  int      // number of buffers, at bindings 0 to Bindings-1 of set 0: storage buffers, except those in Texel
	Texel     uint32   // bit i: binding i is a uniform texel buffer (samplerBuffer) of four floats or halves a texel
	PushBytes int      // size of the push constant block, a multiple of 4, or 0
	Spec      []uint32 // Spec[i] is the value of specialization constant id i (float constants as their bits)
	Subgroup  uint32   // the size of every subgroup, one that Caps.LeastSubgroup allows; 0: the driver's choice
}

// Pipeline is a compiled Kernel. It lives until its Device is closed, or lost and opened again.
type Pipeline struct {
	d         *Device
	name      string
	bindings  int
	texel     uint32
	pushBytes int
	handle    uint64
	layout    uint64
	setLayout uint64
	freed     bool // with its VkDevice: by Device.Close or Device.Reopen
}

type pipelineEntry struct {
	once     sync.Once
	kernel   Kernel
	pipeline *Pipeline
	err      error
}

// layoutKey identifies a descriptor set layout or a pipeline layout.
type layoutKey struct {
	bindings  int
	texel     uint32
	pushBytes int
}

const (
	spirvMagic = 0x07230203
	texelBytes = 16 // of VK_FORMAT_R32G32B32A32_SFLOAT; every device supports it, and that of halves, for uniform texel buffers
	maxTexels  = 16 // texel buffers that a kernel can bind on every device (maxPerStageDescriptorSampledImages)
)

// Pipeline returns the compiled kernel; it compiles each triple of name, specialization constants and subgroup size once. Several goroutines may
// compile different kernels at the same time. Errors: more storage buffers than Limits.StorageBuffersPerStage, more than 16 texel
// buffers, more push constant bytes than Limits.PushConstants, another kernel under the same name and constants.
func (d *Device) Pipeline(k Kernel) (*Pipeline, error) {
	if err := d.alive("pipeline " + k.Name); err != nil {
		return nil, err
	}
	if err := d.checkKernel(k); err != nil {
		return nil, err
	}
	key := string(binary.LittleEndian.AppendUint32([]byte(k.Name+"\x00"), k.Subgroup))
	for _, v := range k.Spec {
		key = string(binary.LittleEndian.AppendUint32([]byte(key), v))
	}
	d.mu.Lock()
	e := d.pipelines[key]
	if e == nil {
		k.Spec = slices.Clone(k.Spec)
		e = &pipelineEntry{kernel: k}
		d.pipelines[key] = e
	}
	d.mu.Unlock()
	if !sameKernel(e.kernel, k) {
		return nil, fmt.Errorf("vk: pipeline %s: another kernel has the same name and constants: rename one of them", k.Name)
	}
	e.once.Do(func() { e.pipeline, e.err = d.compile(e.kernel) })
	return e.pipeline, e.err
}

func (d *Device) checkKernel(k Kernel) error {
	l := d.info.Limits
	texels := bits.OnesCount32(k.Texel)
	switch {
	case k.Bindings < 1 || k.Bindings-texels > int(l.StorageBuffersPerStage):
		return fmt.Errorf("vk: pipeline %s: %d bindings, %d of them texel buffers: %q allows 1 to %d storage buffers", k.Name, k.Bindings, texels,
			d.info.Name, l.StorageBuffersPerStage)
	case texels > maxTexels || uint64(k.Texel)>>k.Bindings != 0:
		return fmt.Errorf("vk: pipeline %s: texel buffers %#b: at most %d, among the %d bindings", k.Name, k.Texel, maxTexels, k.Bindings)
	case k.PushBytes < 0 || k.PushBytes%4 != 0 || k.PushBytes > int(l.PushConstants):
		return fmt.Errorf("vk: pipeline %s: %d bytes of push constants: %q allows multiples of 4 up to %d", k.Name, k.PushBytes, d.info.Name, l.PushConstants)
	case k.Subgroup > 0 && (d.info.Caps.LeastSubgroup == 0 || k.Subgroup < d.info.Caps.LeastSubgroup):
		return fmt.Errorf("vk: pipeline %s: subgroups of %d: %q allows none below %d (0: none may be required)", k.Name, k.Subgroup, d.info.Name,
			d.info.Caps.LeastSubgroup)
	case len(k.Code) < 5 || k.Code[0] != spirvMagic:
		return fmt.Errorf("vk: pipeline %s: the code (%d words) is not SPIR-V", k.Name, len(k.Code))
	}
	return nil
}

// sameKernel reports whether two kernels are equal except for name and constants. Their code is usually the same slice.
func sameKernel(a, b Kernel) bool {
	if a.Bindings != b.Bindings || a.Texel != b.Texel || a.PushBytes != b.PushBytes || len(a.Code) != len(b.Code) {
		return false
	}
	return &a.Code[0] == &b.Code[0] || slices.Equal(a.Code, b.Code)
}

func (d *Device) compile(k Kernel) (*Pipeline, error) {
	p := &Pipeline{d: d, name: k.Name, bindings: k.Bindings, texel: k.Texel, pushBytes: k.PushBytes}
	var err error
	if p.setLayout, p.layout, err = d.layoutsFor(layoutKey{k.Bindings, k.Texel, k.PushBytes}); err != nil {
		return nil, fmt.Errorf("vk: pipeline %s: %w", k.Name, err)
	}
	var pin runtime.Pinner // vulkan-go stores the pointer to the code in C memory
	defer pin.Unpin()
	pin.Pin(&k.Code[0])
	info := vulkan.ShaderModuleCreateInfo{SType: vulkan.StructureTypeShaderModuleCreateInfo, CodeSize: uint(4 * len(k.Code)), PCode: k.Code}
	defer info.Free()
	var module vulkan.ShaderModule
	if err := check(vulkan.CreateShaderModule(d.dev, &info, nil, &module), "vkCreateShaderModule"); err != nil {
		return nil, fmt.Errorf("vk: pipeline %s: %w", k.Name, err)
	}
	defer vulkan.DestroyShaderModule(d.dev, module, nil)
	if p.handle, err = d.shim.pipeline(d.cache.handle, handle(module), p.layout, k.Spec, k.Subgroup); err != nil {
		return nil, fmt.Errorf("vk: pipeline %s: %w", k.Name, err)
	}
	return p, nil
}

// layoutsFor returns the descriptor set layout and the pipeline layout for a key. Each is made once.
func (d *Device) layoutsFor(key layoutKey) (set, pipeline uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	setKey := layoutKey{key.bindings, key.texel, 0}
	set, ok := d.layouts[setKey]
	if !ok {
		if set, err = d.shim.setLayout(key.bindings, key.texel); err != nil {
			return 0, 0, err
		}
		d.layouts[setKey] = set
	}
	pipeline, ok = d.plLayouts[key]
	if !ok {
		if pipeline, err = d.shim.pipelineLayout(set, key.pushBytes); err != nil {
			return 0, 0, err
		}
		d.plLayouts[key] = pipeline
	}
	return set, pipeline, nil
}

// Name returns the name of the kernel.
func (p *Pipeline) Name() string { return p.name }

// isTexel reports whether binding i is a texel buffer.
func (p *Pipeline) isTexel(i int) bool { return i < 32 && p.texel>>i&1 != 0 }

package kernels

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/shaders"
	"github.com/marr-ssl/marr/vk"
)

// InputAccessModes lists the ways in which kernels read vectors: "plain" through storage buffers, "texel" through uniform texel buffers. MARR_KERNELS
// can force one. Kernels of the tiled family have only the first.
var InputAccessModes = []string{"plain", "texel"}

// InputAccess returns the mode of a device: texel on CPU devices whose drivers read texel buffers faster (shaders/io.glsl), plain elsewhere, unless
// MARR_KERNELS overrides it. Checkpoints record it, since the modes may round sums differently.
func InputAccess(dev *vk.Device) string { return InputAccessOf(dev.Info(), dev.Settings()) }

// InputAccessOf is InputAccess for a device that is not open.
func InputAccessOf(d vk.Info, s vk.Settings) string {
	for _, f := range forcedWords(s) {
		if slices.Contains(InputAccessModes, f) {
			return f
		}
	}
	if d.Type == vk.CPU && !wantsStorage(d) {
		return "texel"
	}
	return "plain"
}

// wantsStorage reports whether a CPU device should read storage buffers. Mesa's llvmpipe reads them faster than texel buffers in version 26.2.6, and does
// not in 25.0.7 and before, which report driver version 1. SwiftShader's texel buffers hold 1 MiB, too little for the weights of a layer.
func wantsStorage(d vk.Info) bool {
	return d.DriverID == vk.DriverSwiftShader || d.DriverID == vk.DriverLlvmpipe && d.DriverVersion >= 26<<22 // VK_MAKE_VERSION(26, 0, 0)
}

// kernelFor returns the shader of a kernel, for the device's input access, or for those of the packed family by whether the device has their instruction. Bit i of halves says that binding i has halves.
func kernelFor(dev *vk.Device, kernel string, halves uint32, spec []uint32) (vk.Kernel, error) {
	access := InputAccess(dev)
	if isPacked(kernel) && !dev.Info().Caps.MixedDot {
		access = "floats"
	}
	name, code, err := shaderOf(kernel, access)
	if err != nil {
		return vk.Kernel{}, err
	}
	if wrong := halves &^ shaders.HalfBindings(code); wrong != 0 {
		return vk.Kernel{}, &BuildError{kernel, fmt.Sprintf("binding %d has halves, and the shader reads floats there: call Float", bits.TrailingZeros32(wrong))}
	}
	bindings, bytes := shaders.Reflect(code)
	k := vk.Kernel{Name: name, Code: code, Bindings: bindings, Texel: shaders.TexelBindings(code), PushBytes: bytes, Spec: append([]uint32{halves}, spec...)}
	if shaders.UsesMatrices(code) {
		k.Subgroup = dev.Info().Caps.LeastSubgroup
	}
	return k, nil
}

// pipelineKey identifies the pipeline of a step within its program.
func (x *step) pipelineKey() string { return fmt.Sprint(x.kernel, x.halves(), x.spec) }

// halves returns the set of bindings with halves, bit i for binding i.
func (x *step) halves() (set uint32) {
	for i, b := range x.binds {
		if b.half {
			set |= 1 << i
		}
	}
	return set
}

// compile compiles the kernels of all steps, several at once.
func (p *Program) compile(g *Graph) error {
	var keys []string
	var all []vk.Kernel
	for _, x := range g.steps {
		key := x.pipelineKey()
		if _, known := p.pipelines[key]; known || x.kernel == "" { // few of many steps differ in their pipeline
			continue
		}
		k, err := kernelFor(p.dev, x.kernel, x.halves(), x.spec)
		if err != nil {
			return err
		}
		p.pipelines[key] = nil
		keys, all = append(keys, key), append(all, k)
	}
	pipelines, err := p.dev.Pipelines(all)
	if err != nil {
		return err
	}
	for i, key := range keys {
		p.pipelines[key] = pipelines[i]
	}
	return nil
}

// shaderOf returns the shader of a kernel for an input access. A kernel without variants by access has one shader, of its own name.
func shaderOf(kernel, access string) (name string, code []uint32, err error) {
	name = kernel + "." + access
	if strings.Contains(kernel, ".") {
		name = kernel + "_" + access
	}
	if code, err = shaders.SPIRV(name); err == nil {
		return name, code, nil
	}
	code, err = shaders.SPIRV(kernel)
	return kernel, code, err
}

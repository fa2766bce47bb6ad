package kernels

import (
	"slices"
	"strings"

	"marr/shaders"
	"marr/vk"
)

// Readings are the ways kernels read their inputs: "plain" through storage buffers, "texel" through uniform texel buffers. MARR_KERNELS forces
// one. Kernels of the tiled family have only the first.
var Readings = []string{"plain", "texel"}

// Reading is the way that a device gets: texel on CPU devices, where it is 2 to 3.5 times as fast (shaders/io.glsl), plain elsewhere;
// MARR_KERNELS overrides it. Checkpoints record it, since sums may be rounded differently.
func Reading(dev *vk.Device) string { return ReadingOf(dev.Info()) }

// ReadingOf is Reading for a device that is not open.
func ReadingOf(d vk.Info) string {
	for _, f := range forced() {
		if slices.Contains(Readings, f) {
			return f
		}
	}
	if d.Type == vk.CPU {
		return "texel"
	}
	return "plain"
}

// pipelineFor compiles a kernel that reads as the device does, or finds it. A kernel that reads in one way only has one shader of its own name.
func pipelineFor(dev *vk.Device, kernel string, spec []uint32) (*vk.Pipeline, error) {
	name := kernel + "." + Reading(dev)
	if strings.Contains(kernel, ".") {
		name = kernel + "_" + Reading(dev)
	}
	code, err := shaders.SPIRV(name)
	if err != nil {
		if code, err = shaders.SPIRV(kernel); err != nil {
			return nil, err
		}
		name = kernel
	}
	bindings, bytes := shaders.Reflect(code)
	return dev.Pipeline(vk.Kernel{Name: name, Code: code, Bindings: bindings, Texel: shaders.TexelBindings(code), PushBytes: bytes, Spec: spec})
}

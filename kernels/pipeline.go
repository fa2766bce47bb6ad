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
func Reading(dev *vk.Device) string { return ReadingOf(dev.Info(), dev.Settings()) }

// ReadingOf is Reading for a device that is not open.
func ReadingOf(d vk.Info, s vk.Settings) string {
	for _, f := range forced(s) {
		if slices.Contains(Readings, f) {
			return f
		}
	}
	if d.Type == vk.CPU {
		return "texel"
	}
	return "plain"
}

// pipelineFor returns the pipeline of a kernel, by the device's way of reading.
func pipelineFor(dev *vk.Device, kernel string, spec []uint32) (*vk.Pipeline, error) {
	name, code, err := shaderOf(kernel, Reading(dev))
	if err != nil {
		return nil, err
	}
	bindings, bytes := shaders.Reflect(code)
	return dev.Pipeline(vk.Kernel{Name: name, Code: code, Bindings: bindings, Texel: shaders.TexelBindings(code), PushBytes: bytes, Spec: spec})
}

// shaderOf returns the shader of a kernel for a way of reading. A kernel with a single way has one shader, of its own name.
func shaderOf(kernel, reading string) (name string, code []uint32, err error) {
	name = kernel + "." + reading
	if strings.Contains(kernel, ".") {
		name = kernel + "_" + reading
	}
	if code, err = shaders.SPIRV(name); err == nil {
		return name, code, nil
	}
	code, err = shaders.SPIRV(kernel)
	return kernel, code, err
}

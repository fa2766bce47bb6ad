package bench

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"marr/shaders"
	"marr/vk"
)

// fmaLanes is the number of lanes: on a GPU enough to fill the largest several times over, on a CPU few, since each group costs time of its own.
func fmaLanes(t vk.DeviceType) int {
	if t == vk.CPU {
		return 1 << 14
	}
	return 1 << 20
}

var digits = regexp.MustCompile(`[0-9]+$`)

// measureFMA tries all forms of shaders/bench_fma.comp in groups of 32 and of 128.
func measureFMA(dev *vk.Device) (Rate, error) {
	factors, err := dev.NewBuffer(8, vk.DeviceLocal, "factors")
	if err != nil {
		return Rate{}, err
	}
	defer factors.Free()
	lanes := fmaLanes(dev.Info().Type)
	out, err := dev.NewBuffer(16*int64(lanes), vk.DeviceLocal, "sums")
	if err != nil {
		return Rate{}, err
	}
	defer out.Free()
	// x ← 0.999·x + 0.001 stays between its first value and 1: neither denormal nor infinite numbers, which some devices are slow at.
	var ab []byte
	for _, v := range []float32{0.999, 0.001} {
		ab = binary.LittleEndian.AppendUint32(ab, math.Float32bits(v))
	}
	if err := dev.Write(factors.All(), ab); err != nil {
		return Rate{}, err
	}
	var probes []probe
	for _, name := range shaders.Names() {
		if !strings.HasPrefix(name, "bench_fma.") {
			continue
		}
		chains, err := strconv.Atoi(digits.FindString(name))
		if err != nil {
			return Rate{}, fmt.Errorf("%s: the name does not end in the number of chains", name)
		}
		for _, size := range []uint32{32, 128} {
			k, err := kernel(name, size)
			if err != nil {
				return Rate{}, err
			}
			probes = append(probes, probe{kernel: k, most: 1 << 24,
				bindings: []vk.Binding{{Range: factors.All(), Access: vk.Read}, {Range: out.All(), Access: vk.Write}},
				groups:   func(int) [3]uint32 { return [3]uint32{uint32(lanes) / size, 1, 1} },
				push:     func(n int) []uint32 { return []uint32{uint32(n)} },
				work:     func(n int) float64 { return float64(n) * 8 * float64(chains) * 8 * float64(lanes) }})
		}
	}
	return best(dev, probes)
}

// copyBytes bounds each of the two buffers of a copy: beyond the last cache of any device known.
const copyBytes = 256 << 20

// measureCopy tries shaders/bench_copy.comp with storage and with texel buffers, on up to as many whole groups as the device binds.
func measureCopy(dev *vk.Device) (Rate, error) {
	const group = 256 * 16 // bytes
	l := dev.Info().Limits
	most := min(copyBytes, int64(l.StorageRange), 16*int64(l.TexelElements), l.DeviceMemory/8) / group
	var bindings []vk.Binding
	for _, access := range []vk.Access{vk.Read, vk.Write} {
		b, err := dev.NewBuffer(most*group, vk.DeviceLocal, "copy")
		if err != nil {
			return Rate{}, err
		}
		defer b.Free()
		bindings = append(bindings, vk.Binding{Range: b.All(), Access: access})
	}
	var probes []probe
	for _, name := range []string{"bench_copy.plain", "bench_copy.texel"} {
		k, err := kernel(name)
		if err != nil {
			return Rate{}, err
		}
		probes = append(probes, probe{kernel: k, bindings: bindings, most: int(most),
			groups: func(n int) [3]uint32 { // the last of several rows is dropped, not rounded up beyond the buffer
				return [3]uint32{uint32(min(n, maxGroups)), 1, uint32(max(1, n/maxGroups))}
			},
			push: func(int) []uint32 { return nil },
			work: func(n int) float64 { return 2 * group * float64(min(n, maxGroups)) * float64(max(1, n/maxGroups)) }})
	}
	return best(dev, probes)
}

// maxGroups is the largest number of groups along x; shaders/io.glsl goes on along z.
const maxGroups = 65535

// kernel is a shader with its specialization constants; other constants make another name, which pipelines and reports tell apart by.
func kernel(shader string, spec ...uint32) (vk.Kernel, error) {
	code, err := shaders.SPIRV(shader)
	if err != nil {
		return vk.Kernel{}, err
	}
	name := shader
	for _, v := range spec {
		name += fmt.Sprintf(" ×%d", v)
	}
	bindings, bytes := shaders.Reflect(code)
	return vk.Kernel{Name: name, Code: code, Bindings: bindings, Texel: shaders.TexelBindings(code), PushBytes: bytes, Spec: spec}, nil
}

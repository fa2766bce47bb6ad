package bench

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/shaders"
	"github.com/marr-ssl/marr/vk"
)

// fmaLanes returns the number of lanes: enough to fill the largest GPU several times, but few on a CPU, where each group adds overhead.
func fmaLanes(t vk.DeviceType) int {
	if t == vk.CPU {
		return 1 << 14
	}
	return 1 << 20
}

var trailingDigits = regexp.MustCompile(`[0-9]+$`)

// measureFMA tries all variants of shaders/bench_fma.comp in groups of 32 and of 128.
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
	// x ← 0.999·x + 0.001 stays between its first value and 1. This avoids denormal and infinite numbers, which slow down some devices.
	var ab []byte
	for _, v := range []float32{0.999, 0.001} {
		ab = binary.LittleEndian.AppendUint32(ab, math.Float32bits(v))
	}
	if err := dev.Write(factors.All(), ab); err != nil {
		return Rate{}, err
	}
	var candidates []candidate
	for _, name := range shaders.Names() {
		if !strings.HasPrefix(name, "bench_fma.") {
			continue
		}
		chains, err := strconv.Atoi(trailingDigits.FindString(name))
		if err != nil {
			return Rate{}, fmt.Errorf("%s: the name does not end with the number of chains", name)
		}
		for _, size := range []uint32{32, 128} {
			k, err := kernel(name, size)
			if err != nil {
				return Rate{}, err
			}
			candidates = append(candidates, candidate{kernel: k, maxN: 1 << 24,
				bindings: []vk.Binding{{Range: factors.All(), Access: vk.Read}, {Range: out.All(), Access: vk.Write}},
				groups:   func(int) [3]uint32 { return [3]uint32{uint32(lanes) / size, 1, 1} },
				push:     func(n int) []uint32 { return []uint32{uint32(n)} },
				work:     func(n int) float64 { return float64(n) * 8 * float64(chains) * 8 * float64(lanes) }})
		}
	}
	return fastest(dev, candidates)
}

// copyBytes limits each of the two buffers of a copy. It exceeds the last-level cache of every known device.
const copyBytes = 256 << 20

// measureCopy tries shaders/bench_copy.comp with storage and with texel buffers, on as many whole groups as one binding holds.
func measureCopy(dev *vk.Device) (Rate, error) {
	const group = 256 * 16 // bytes
	l := dev.Info().Limits
	maxN := min(copyBytes, int64(l.StorageRange), 16*int64(l.TexelElements), l.DeviceMemory/8) / group
	var bindings []vk.Binding
	for _, access := range []vk.Access{vk.Read, vk.Write} {
		b, err := dev.NewBuffer(maxN*group, vk.DeviceLocal, "copy")
		if err != nil {
			return Rate{}, err
		}
		defer b.Free()
		bindings = append(bindings, vk.Binding{Range: b.All(), Access: access})
	}
	var candidates []candidate
	for _, name := range []string{"bench_copy.plain", "bench_copy.texel"} {
		k, err := kernel(name)
		if err != nil {
			return Rate{}, err
		}
		candidates = append(candidates, candidate{kernel: k, bindings: bindings, maxN: int(maxN),
			groups: func(n int) [3]uint32 { // drops the last partial row: rounding up would exceed the buffer
				return [3]uint32{uint32(min(n, maxGroups)), 1, uint32(max(1, n/maxGroups))}
			},
			push: func(int) []uint32 { return nil },
			work: func(n int) float64 { return 2 * group * float64(min(n, maxGroups)) * float64(max(1, n/maxGroups)) }})
	}
	return fastest(dev, candidates)
}

// maxGroups is the largest number of groups along x. shaders/io.glsl continues along z.
const maxGroups = 65535

// kernel returns a shader with its specialization constants. They are part of the name, which identifies pipelines and results.
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

package kernels_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/shaders"
	"github.com/marr-ssl/marr/vk"
)

// Above 65535 groups, the last row of the grid along z has surplus groups. With 8192 tiles in one column, group 65535 would compute a tile far below
// the last one but in the first strip. It must not write behind the statistics.
func TestSurplusWorkGroupsWriteNoStatistics(t *testing.T) {
	const rows = 8192 * 128
	buffer := func(vectors int64, word float32) vk.Range {
		b, err := device.NewBuffer(16*vectors, vk.DeviceLocal, "test")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Free)
		r := device.NewRecorder()
		r.Fill(b.All(), math.Float32bits(word))
		submitRecorded(t, r)
		return b.All()
	}
	x, w, y := buffer(rows, 1), buffer(4, 1), buffer(rows, 0)
	for _, tile := range kernels.TilesOf(device.Info()) {
		part := buffer(2*65536, 7)
		code, err := shaders.SPIRV("tiled.stats_" + tile)
		if err != nil {
			t.Fatal(err)
		}
		bindings, bytes := shaders.Reflect(code)
		p, err := device.Pipeline(vk.Kernel{Name: "tiled.stats_" + tile, Code: code, Bindings: bindings, PushBytes: bytes})
		if err != nil {
			t.Fatal(err)
		}
		d := vk.Dispatch{Pipeline: p, Groups: [3]uint32{1, 1, 2}, Bindings: []vk.Binding{{Range: x, Access: vk.Read}, {Range: w, Access: vk.Read},
			{Range: y, Access: vk.Write}, {Range: x, Access: vk.Read}, {Range: part, Access: vk.Write}}}
		// a product of [rows 4] and [4 4]: the constants of shaders/conv.comp
		for _, v := range []uint32{rows, 1, 1, 4, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0} {
			d.Push = binary.LittleEndian.AppendUint32(d.Push, v)
		}
		r := device.NewRecorder()
		r.Dispatch(d)
		submitRecorded(t, r)
		got := make([]byte, part.Size)
		if err := device.Read(got, part); err != nil {
			t.Fatal(err)
		}
		for i := range len(got) / 4 {
			want := float32(7)
			if i < 4 {
				want = 4 // the mean of the first tile, then Σ (y − mean)²
			} else if i < 8 {
				want = 0
			}
			if v := math.Float32frombits(binary.LittleEndian.Uint32(got[4*i:])); v != want {
				t.Fatalf("%s: number %d of the statistics is %v, want %v", tile, i, v, want)
			}
		}
	}
}

func submitRecorded(t *testing.T, r *vk.Recorder) {
	t.Helper()
	s, err := r.End()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Free()
	ticket, err := device.Submit(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := ticket.Wait(); err != nil {
		t.Fatal(err)
	}
}

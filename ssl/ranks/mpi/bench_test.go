//go:build cgo && !windows

package mpi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marr-ssl/marr/ssl/ranks"
)

// bench measures SumParts on FP32 and on FP16 against memory copies of all ranks at once, in turn. Rank 0 prints the times, and the median ratio of
// the second to the first.
func bench(c ranks.Comm) error {
	const length, pairs = 45 << 20 / 4, 81
	part, out := [][]float32{make([]float32, length)}, make([]float32, length)
	floats, halves := ranks.NewReducer(c, ranks.FP32), ranks.NewReducer(c, ranks.FP16)
	n := c.Size()
	traffic := 2 * (n - 1) * length / n // elements that a rank sends, and as many that it receives
	var sums, rounded, ratios, copies []float64
	for i := range pairs {
		for j := range part[0] {
			part[0][j] = float32(i + j)
		}
		if _, err := ranks.Gather(c, nil); err != nil {
			return err
		}
		began := time.Now()
		for left := traffic; left > 0; left -= length {
			copy(out, part[0][:min(left, length)])
		}
		copied := time.Since(began).Seconds()
		var summed [2]float64
		for j, r := range []*ranks.Reducer{floats, halves} {
			if _, err := ranks.Gather(c, nil); err != nil {
				return err
			}
			began = time.Now()
			if err := r.SumParts(part, out); err != nil {
				return err
			}
			summed[j] = time.Since(began).Seconds()
		}
		if i > 1 { // the first touch memory
			sums, rounded, copies = append(sums, summed[0]), append(rounded, summed[1]), append(copies, copied)
			ratios = append(ratios, summed[1]/summed[0])
		}
	}
	if c.Rank() == 0 {
		slices.Sort(ratios)
		fmt.Printf("result %.2f ms, %.2f ms, %.2f ms, %.2f\n", decile(sums)*1e3, decile(rounded)*1e3, decile(copies)*1e3, ratios[len(ratios)/2])
	}
	return c.Close()
}

// decile returns the time that a tenth of the measurements are below: other load disturbs it less than the median.
func decile(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/10]
}

// BenchmarkSumParts sums a gradient of 45 MiB over ranks of this machine. Of 2 ranks each sends 45 MiB and receives as much. The metric
// "bandwidth" is the sum's rate, bytes sent and received, divided by that of memory copies of all ranks at once; "received" counts the bytes
// received alone. "ms/fp16" is the time of the sum on FP16, and "fp16/fp32" the median ratio of two sums in turn.
func BenchmarkSumParts(b *testing.B) {
	for _, n := range []int{2, 4} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			out, _, err := launch(b, n, "bench")
			var sum, rounded, copied, ratio float64
			_, line, _ := strings.Cut(out, "result ")
			if _, bad := fmt.Sscanf(line, "%f ms, %f ms, %f ms, %f", &sum, &rounded, &copied, &ratio); err != nil || bad != nil {
				b.Fatalf("%v %v\n%s", err, bad, out)
			}
			b.ReportMetric(sum, "ms/sum")
			b.ReportMetric(copied, "ms/copy")
			b.ReportMetric(2*copied/sum, "bandwidth")
			b.ReportMetric(copied/sum, "received")
			b.ReportMetric(rounded, "ms/fp16")
			b.ReportMetric(ratio, "fp16/fp32")
			b.ReportMetric(0, "ns/op")
		})
	}
}

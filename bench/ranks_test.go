package bench

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/vk"
)

// counted counts the bytes that a rank sends to others, and receives from them.
type counted struct {
	ranks.Comm
	sent, received int
}

func (c *counted) Exchange(send, recv [][]byte) error {
	for i := range send {
		if i != c.Rank() {
			c.sent, c.received = c.sent+len(send[i]), c.received+len(recv[i])
		}
	}
	return c.Comm.Exchange(send, recv)
}

// The table calculates with the bytes that a sum sends.
func TestReduceBytesAreThoseOfTheReducer(t *testing.T) {
	const length = 3 * 64 * 1024 // divides into equal shards
	for _, x := range []struct {
		ranks, parts int
		wire         string
	}{{2, 1, ranks.FP32}, {2, 3, ranks.FP32}, {4, 1, ranks.FP32}, {2, 1, ranks.FP16}, {4, 2, ranks.FP16}} {
		var all sync.WaitGroup
		comms := make([]*counted, x.ranks)
		for i, c := range ranks.Local(x.ranks) {
			comms[i] = &counted{Comm: c}
			all.Go(func() {
				parts := make([][]float32, x.parts)
				for k := range parts {
					parts[k] = make([]float32, length)
				}
				if err := ranks.NewReducer(comms[i], x.wire).SumParts(parts, make([]float32, length)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for i, c := range comms {
			if want := ReduceBytes(4*length, x.ranks, x.parts, x.wire); float64(c.sent) != want || float64(c.received) != want {
				t.Errorf("%s, %d ranks, %d parts: rank %d sent %d bytes and received %d, want %g", x.wire, x.ranks, x.parts, i, c.sent, c.received, want)
			}
		}
	}
}

// Both outputs have the measured and the calculated table.
func TestMeasureRanksSplitsAStep(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Backbone: map[string]any{"width": 4, "stem": "strided"}, Batch: 4, Size: 16, Steps: 2, Wire: ranks.FP16, SyncBN: true}
	s, err := MeasureRanks(context.Background(), []*vk.Device{device, device}, ranks.Local(2), o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Ranks != 2 || s.Time.Runs != 2 || s.Alone.Runs != 2 || !(s.Compute > s.Norms) || !(s.Norms > 0) || !(s.Reduce > 0) || s.Gradient <= 0 {
		t.Errorf("%+v", s)
	}
	r := &Results{Ranks: []RankStep{s}}
	var text, markdown bytes.Buffer
	r.Print(&text)
	r.WriteMarkdown(&markdown)
	for _, out := range []string{text.String(), markdown.String()} {
		if !strings.Contains(out, "efficiency") || !strings.Contains(out, "Calculated, not measured") || !strings.Contains(out, "400 Gbit/s") || !strings.Contains(out, "gradients sent in fp16, synchronized batch norm") || !strings.Contains(out, "ms, norms ") {
			t.Errorf("the output lacks a table:\n%s", out)
		}
	}
}

// Two processes, each with a rank: only that of the first rank has times.
func TestMeasureRanksOfTwoProcesses(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Backbone: map[string]any{"width": 4, "stem": "strided"}, Batch: 4, Size: 16, Steps: 2}
	var all sync.WaitGroup
	var steps [2]RankStep
	for i, c := range ranks.Local(2) {
		all.Go(func() {
			var err error
			if steps[i], err = MeasureRanks(context.Background(), []*vk.Device{device}, []ranks.Comm{c}, o); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s, other := steps[0], steps[1]
	if s.Ranks != 2 || s.Time.Runs != 2 || s.Alone.Runs != 2 || !(s.Compute > 0) || !(s.ImagesPerS > 0) {
		t.Errorf("first rank: %+v", s)
	}
	if other.Time.Runs != 0 || other.Alone.Runs != 0 {
		t.Errorf("second rank: %+v", other)
	}
	var text bytes.Buffer
	(&Results{Ranks: []RankStep{s}}).Print(&text)
	if !strings.Contains(text.String(), "2 over MPI") {
		t.Errorf("the output does not tell processes from devices:\n%s", &text)
	}
}

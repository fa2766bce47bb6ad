package kernels_test

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// sharedStep is a step of k micro-batches whose part uses a weight twice, with a batch norm and gathered rows. Without sum, its gradients are those of
// one micro-batch.
func sharedStep(t *testing.T, k int, sum bool) (*kernels.Program, *kernels.Store, *kernels.State) {
	var mean *kernels.State
	p, st := build(t, func(g *kernels.Graph) {
		mean = g.Store().State("mean", 0, 5)
		n := kernels.Norm{Mean: mean, Var: g.Store().State("var", 1, 5), Eps: 1e-5, BNMomentum: 0.5}
		w := g.Store().Param("w", func() []float32 { return uniform(3, 5*7) }, 5, 7)
		g.Micro(k)
		g.Segment("clear")
		g.ClearGrads()
		g.Segment("micro")
		x := g.Input("x", kernels.F32, 6, 7)
		y := kernels.Add(kernels.BatchNorm(kernels.Linear(x, w, nil), n, nil, false, true), kernels.Linear(kernels.ReLU(x), w, nil))
		rows := kernels.GatherMicro(y, 2)
		g.Backward(kernels.MeanSquare(y))
		if sum {
			g.SumParts()
		}
		g.Segment("update")
		g.Output("rows", rows)
		g.UpdateRunningStats()
	})
	return p, st, mean
}

// partRun returns the run of micro-batch m.
func partRun(t *testing.T, p *kernels.Program, m int) *kernels.Run {
	r := begin(t, p.Segment("micro"))
	kernels.Pack(r.Floats("x"), uniform(uint64(10+m), 6*7), 7)
	r.Set("micro", float64(m))
	return r
}

// Two programs with half of the micro-batches each, joined by an Exchange, have the results of one program with all of them, bit for bit; the gradient is the
// sum of those of single micro-batches, in their order.
func TestExchangeGivesTheResultsOfOneDevice(t *testing.T) {
	for env, change := range map[string]func(s *vk.Settings){
		"eager": func(s *vk.Settings) { s.Eager = true }, "poison": func(s *vk.Settings) { s.Poison = true }, "": func(*vk.Settings) {}} {
		was := device.Settings()
		vktest.Configure(t, device, change)
		const k = 4
		one, st, mean := sharedStep(t, k, true)
		for range 2 { // the second step starts from the sums of the first
			wait(t, submit(t, begin(t, one.Segment("clear"))))
			for m := range k {
				wait(t, submit(t, partRun(t, one, m)))
			}
		}
		want := slices.Clone(wait(t, submit(t, begin(t, one.Segment("update")))).Output("rows"))
		wantMean, wantGrad := read(t, mean.Read), read(t, st.Params()[0].ReadGrad)

		var programs []*kernels.Program
		var stores []*kernels.Store
		var means []*kernels.State
		var exchanges []*kernels.Exchange
		for rank := range 2 {
			p, st, mean := sharedStep(t, k, false)
			x, err := p.Segment("micro").NewExchange(2*rank, 2, true)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Free()
			for m := 2 * rank; m < 2*rank+2; m++ {
				wait(t, submit(t, begin(t, p.Segment("clear"))))
				r := partRun(t, p, m)
				if err := x.Submit(r, m); err != nil {
					t.Fatal(err)
				}
				wait(t, r)
			}
			if err := x.Wait(); err != nil {
				t.Fatal(err)
			}
			programs, stores, means, exchanges = append(programs, p), append(stores, st), append(means, mean), append(exchanges, x)
		}
		for rank, x := range exchanges {
			copy(x.Sum(), exchanges[0].Gradients(0))
			for m := range k {
				owner := exchanges[m/2]
				if m/2 != rank {
					copy(x.Part(m), owner.Part(m))
				}
				for i, v := range owner.Gradients(m % 2) {
					if m > 0 {
						x.Sum()[i] += v
					}
				}
			}
			if err := x.Put(); err != nil {
				t.Fatal(err)
			}
			rows := wait(t, submit(t, begin(t, programs[rank].Segment("update")))).Output("rows")
			if !slices.Equal(rows, want) || !slices.Equal(read(t, means[rank].Read), wantMean) {
				t.Errorf("%s: device %d has other rows or running statistics than one device", env, rank)
			}
			if got := read(t, stores[rank].Params()[0].ReadGrad); !slices.Equal(got, wantGrad) {
				t.Errorf("%s: device %d has gradient %v, want %v", env, rank, got, wantGrad)
			}
			if err := programs[rank].CheckGuards(); err != nil {
				t.Error(err)
			}
		}
		device.Configure(was)
	}
}

// read returns what a Read returns.
func read(t *testing.T, f func() ([]float32, error)) []float32 {
	v, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Early pieces of the gradients hold the numbers of the finished run, end with the parameters declared last, and leave out those that are still added to.
func TestGradientsComeInPieces(t *testing.T) {
	const width = 600 // 1.4 MiB each weight
	for _, tied := range []bool{false, true} {
		p, st := build(t, func(g *kernels.Graph) {
			var weights []*kernels.Param
			for i, name := range []string{"a", "b", "c", "d"} {
				weights = append(weights, g.Store().Param(name, func() []float32 { return uniform(uint64(i), width*width) }, width, width))
			}
			g.Segment("clear")
			g.ClearGrads()
			g.Segment("micro")
			y := g.Input("x", kernels.F32, 3, width)
			if tied {
				y = kernels.Linear(y, weights[3], nil)
			}
			for _, w := range weights {
				y = kernels.Linear(kernels.ReLU(y), w, nil)
			}
			g.Backward(kernels.MeanSquare(y))
			g.StreamGradients(kernels.Pieces{Most: 8, Least: 1 << 18, Align: 1024})
		})
		x, err := p.Segment("micro").NewExchange(0, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Free()
		if want := map[bool]int{false: 3, true: 0}[tied]; x.EarlyPieces() != want {
			t.Errorf("%d early pieces, want %d", x.EarlyPieces(), want)
		}
		wait(t, submit(t, begin(t, p.Segment("clear"))))
		clear(x.Gradients(0))
		r := begin(t, p.Segment("micro"))
		kernels.Pack(r.Floats("x"), uniform(9, 3*width), width)
		if err := x.Submit(r, 0); err != nil {
			t.Fatal(err)
		}
		var early [][]float32
		_, end := x.Piece(0)
		if end != len(x.Gradients(0)) {
			t.Errorf("the first piece ends at %d of %d", end, len(x.Gradients(0)))
		}
		for i := range x.EarlyPieces() {
			if err := x.WaitPiece(i); err != nil {
				t.Fatal(err)
			}
			from, to := x.Piece(i)
			if to != end || from >= to {
				t.Errorf("piece %d is %d … %d, want it to end at %d", i, from, to, end)
			}
			early, end = append(early, slices.Clone(x.Gradients(0)[from:to])), from
		}
		if err := x.Wait(); err != nil {
			t.Fatal(err)
		}
		wait(t, r)
		if from, to := x.Piece(x.EarlyPieces()); from != 0 || to != end {
			t.Errorf("the last piece is %d … %d, want 0 … %d", from, to, end)
		}
		for i, v := range early {
			from, _ := x.Piece(i)
			if !slices.Equal(v, x.Gradients(0)[from:from+len(v)]) {
				t.Errorf("piece %d changed after it came", i)
			}
		}
		var want []float32
		for _, p := range st.Params() {
			want = append(want, read(t, p.ReadGrad)...)
		}
		if got := x.Gradients(0)[:len(want)]; !slices.Equal(got, want) {
			t.Error("the gradients on the host differ from those on the device")
		}
	}
}

package net_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/net"
)

// normed returns a backbone with a norm whose scales and shifts are not 1 and 0.
func normed(t *testing.T, norm string, seed uint64) (*kernels.Store, net.Backbone) {
	t.Helper()
	st := kernels.NewStore(device)
	t.Cleanup(st.Free)
	m, err := resnet(t, "resnet10", "cifar", 4, norm).New(st, seed)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range st.Params() {
		if len(p.Shape) == 1 {
			v := uniform(p.Shape[0], uint32(i))
			for j := range v {
				v[j] = 0.7 + v[j]/4
			}
			if err := p.Write(v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return st, m
}

// Only then do they depend on the mode too.
func TestFeaturesDependOnTheBatchOnlyWithBatchAndMeanNorm(t *testing.T) {
	const n, px = 4, 9
	x := uniform(n*px*px*3, 5)
	for _, norm := range net.Norms {
		st, m := normed(t, norm, 1)
		all := forward(t, st, m, net.Eval, x, n, px, px, 3)
		alone := forward(t, st, m, net.Train, x[:len(x)/2], n/2, px, px, 3)
		same := distance(all[:len(alone)], ref.FromFloat32(alone, len(alone)).Data) < 1e-6 // 0, except for kernels that depend on the shape
		// In its first training step, moving-mean subtracts the running mean too.
		if want := slices.Contains([]string{"none", "group", "layer", "moving-mean"}, norm); same != want {
			t.Errorf("%s: in a batch of half the size, in training, features are the same: %t, want %t", norm, same, want)
		}
	}
}

// Each norm has its own reference.
func TestProjectorsWithEachNormMatchTheirReferences(t *testing.T) {
	const n, in, hidden, out = 6, 24, 12, 7
	x := uniform(n*in, 2)
	for _, norm := range net.Norms {
		st := kernels.NewStore(device)
		defer st.Free()
		m := net.Scope{Store: st, Norm: norm, Seed: 1}.Projector("projector", in, hidden, out)
		scale, shift := param(t, st, "projector.1.weight"), param(t, st, "projector.1.bias")
		if scale.Write(uniform(hidden, 6)) != nil || shift.Write(uniform(hidden, 7)) != nil {
			t.Fatal("write")
		}
		got := forward(t, st, m, net.Train, x, n, in)
		h := ref.Linear(ref.FromFloat32(x, n, in), wide(t, st, "projector.0.weight"), nil)
		gamma, beta, zero, one := wide(t, st, "projector.1.weight"), wide(t, st, "projector.1.bias"), ref.New(hidden), ref.New(hidden)
		for i := range one.Data {
			one.Data[i] = 1
		}
		moved := ref.ColumnMean(h).Data
		switch norm {
		case "batch":
			h, _, _ = ref.BatchNormTrain(h, gamma, beta, 1e-5, nil, true)
		case "none", "moving-mean":
			h = ref.BatchNormInfer(h, gamma, beta, zero, one, 1e-5, nil, true)
		case "group":
			h = ref.GroupNorm(h, gamma, beta, 3, 1e-5, nil, true)
		case "layer":
			h = ref.GroupNorm(h, gamma, beta, 1, 1e-5, nil, true)
		case "mean":
			h, _ = ref.MeanNorm(h, gamma, beta, nil, 1e-5, nil, true)
		}
		want := ref.Linear(h, wide(t, st, "projector.3.weight"), wide(t, st, "projector.3.bias"))
		if d := distance(got, want.Data); !(d <= layerTolerance) {
			t.Errorf("%s: %.2g from the reference, want at most %g", norm, d, layerTolerance)
		}
		for _, s := range st.States() {
			v := read(t, s.Read)
			switch {
			case strings.HasSuffix(s.Name, ".running_var") && norm != "batch" && !slices.Equal(v, slices.Repeat([]float32{1}, hidden)):
				t.Errorf("%s: running variance %v, want ones", norm, v)
			case strings.HasSuffix(s.Name, ".running_mean"):
				for i := range v {
					v[i] *= 10 // the momentum is 0.1
				}
				if norm != "none" && distance(v, moved) > layerTolerance || norm == "none" && slices.ContainsFunc(v, func(e float32) bool { return e != 0 }) {
					t.Errorf("%s: running mean %v after one batch with the mean %v", norm, v, moved)
				}
			}
		}
	}
}

// The restored online network or momentum encoder gives the features of the saved one. The file holds only states of its norm.
func TestCheckpointsRestoreNetworksWithEachNorm(t *testing.T) {
	const n, px = 3, 9
	x := uniform(n*px*px*3, 8)
	for _, norm := range net.Norms {
		for _, branch := range []string{"", net.Teacher} {
			st, m := normed(t, norm, 1)
			var product net.Module = m
			if branch != "" {
				product = net.Momentum(m)
			}
			forward(t, st, product, net.Train, x, n, px, px, 3)
			want := forward(t, st, product, net.Eval, x, n, px, px, 3)
			path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
			if err := net.SaveCheckpoint(path, st, net.Meta{Branch: branch}); err != nil {
				t.Fatal(err)
			}
			c, err := net.LoadCheckpoint(path)
			if err != nil {
				t.Fatal(err)
			}
			fresh, other := normed(t, norm, 2)
			if err := c.RestoreBackbone(fresh); err != nil {
				t.Fatalf("%s: %v", norm, err)
			}
			if got := forward(t, fresh, other, net.Eval, x, n, px, px, 3); !slices.Equal(got, want) {
				t.Errorf("%s, branch %q: the checkpoint gives other features", norm, branch)
			}
			grouped, _ := normed(t, "group", 2)
			if err := c.RestoreBackbone(grouped); (err == nil) != (norm == "group" || norm == "layer") {
				t.Errorf("%s restored into a network with group norm: %v", norm, err)
			}
		}
	}
}

func TestUnknownNormsAreRefused(t *testing.T) {
	c := resnet(t, "resnet10", "cifar", 4, "instance")
	want := `no norm "instance": known are batch, none, group, layer, mean, moving-mean`
	if err := c.Check(32); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	_, err := kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) { net.Scope{Store: g.Store(), Norm: "instance", Seed: 1}.Projector("p", 4, 4, 4) })
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// Groups have a multiple of four channels. Their number is the largest possible up to 32.
func TestNumberOfGroupsFollowsTheWidth(t *testing.T) {
	for width, want := range map[int]float64{1: 1, 4: 1, 6: 1, 8: 2, 12: 3, 16: 4, 20: 5, 64: 16, 128: 32, 192: 24, 512: 32, 148: 1, 2048: 32} {
		g, err := kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) {
			net.Scope{Store: g.Store(), Norm: "group", Seed: 1}.Projector("p", 4, width, 4).Forward(g.Input("x", kernels.F32, 2, 4), net.Train)
		})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(g.Trace(), func(n kernels.Node) bool { return n.Op == "GroupNorm" })
		if got := g.Trace()[i].Attr["groups"]; got != want {
			t.Errorf("%d channels: %v groups, want %v", width, got, want)
		}
	}
}

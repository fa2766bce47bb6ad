package export

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/rng"
)

// Float32 rounds to 6e-8; results of order 1 with scores up to 30 lose a factor of ten of that.
func TestRuntimesAgreeWithTheReferenceOnAttention(t *testing.T) {
	for _, c := range []struct{ tokens, heads, width int }{{1, 1, 4}, {5, 3, 4}, {17, 2, 32}} {
		features := c.heads * c.width
		file := attentionModel(t, c.tokens, c.heads, 3*features)
		for _, n := range []int{1, 3} { // the batch is symbolic
			dims := []int{n, c.tokens, 3 * features}
			x := make([]float32, n*c.tokens*3*features)
			rng.New(5).Uniform(x, -2, 2)
			want := ref.Attention(ref.FromFloat32(x, dims...), c.heads)
			for _, rt := range runtimes(t) {
				got, shapes, err := rt.Run(file, x, dims)
				if err != nil || !slices.Equal(shapes[0], want.Shape) {
					t.Fatalf("%s, %v: dims %v, %v: want %v", rt.Name(), dims, shapes, err, want.Shape)
				}
				for i, w := range want.Data {
					if !(math.Abs(float64(got[0][i])-w) <= 2e-6) {
						t.Fatalf("%s, %v: element %d is %v, want %v", rt.Name(), dims, i, got[0][i], w)
					}
				}
			}
		}
	}
}

// attentionModel returns the file of a model that is one Attention.
func attentionModel(t *testing.T, tokens, heads, packed int) []byte {
	t.Helper()
	st := kernels.NewStore(nil)
	g, err := kernels.TraceOps(st, func(g *kernels.Graph) { kernels.Attention(g.Input("qkv", kernels.F32, 2, tokens, packed), heads) })
	if err != nil {
		t.Fatal(err)
	}
	node := g.Trace()[0]
	m := &Model{Name: "attention", Inputs: []Value{{"qkv", Float32, Batch(tokens, packed)}}, Outputs: []Value{{Features, Float32, Batch(tokens, packed/3)}}}
	tr := &tracer{st: st, outputs: map[string]string{node.Out.Name(): Features}, model: m, values: map[string]string{node.In[0].Name(): "qkv"}}
	if tr.op(node); tr.err != nil {
		t.Fatal(tr.err)
	}
	return mustMarshal(t, m)
}

// The operators are those that PyTorch exports for timm's Attention.
func TestAttentionIsTracedAsTimmsNodes(t *testing.T) {
	m, err := Unmarshal(attentionModel(t, 5, 3, 36))
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range m.Nodes {
		ops = append(ops, n.Op)
	}
	want := "[Reshape Transpose Gather Mul Gather Transpose MatMul Softmax Gather MatMul Transpose Reshape]"
	if got := fmt.Sprint(ops); got != want {
		t.Errorf("nodes %s, want %s", got, want)
	}
}

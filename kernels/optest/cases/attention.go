package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

func attention() []Op {
	return []Op{{
		Name:  "attention",
		Build: func(in optest.In) *kernels.Tensor { return kernels.Attention(in.T("qkv"), in.Int("heads")) },
		Ref:   func(in optest.Values) *ref.Tensor { return ref.Attention(in.T("qkv"), in.Int("heads")) },
		Cases: attentionCases(),
	}}
}

// attentionCases are a single token and head, numbers of tokens below, at and above the rows of a work group, and those of vision transformers (crops of
// 96 and 224 pixels in patches of 16; 32 and 128 pixels in patches of 4 and 8). A width of 12 is an odd number of vectors. The golden cases have heads of
// 32. Compilation takes about a second for each width and kernel.
func attentionCases() (cases []optest.Case) {
	for _, a := range []struct{ images, tokens, heads, width int }{
		{1, 1, 1, 12},
		{3, 2, 5, 12},
		{2, 5, 3, 64},
		{2, 37, 2, 12},
		{1, 64, 3, 12},
		{2, 65, 1, 64},
		{1, 197, 1, 64},
		{1, 257, 2, 12},
		{1, 33, 1, 68}, // wider than the fused kernels take
		{13, 8, 2, 12}, // split
	} {
		features := a.heads * a.width
		cases = append(cases, optest.Case{Name: fmt.Sprintf("n%d_t%d_h%d_w%d", a.images, a.tokens, a.heads, a.width), Split: a.images == 13,
			Inputs: inputs(between(input("qkv", a.images, a.tokens, 3*features), -2, 2)), Attrs: attrs{"heads": float64(a.heads)}})
	}
	return cases
}

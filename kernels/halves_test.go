package kernels_test

import (
	"testing"

	"marr/kernels/kerneltest"
	"marr/kernels/optest"
	"marr/kernels/optest/cases"
)

// The ops of networks. The first ones stand for all of them in short runs: their kernels read halves in every way that there is.
var halfOps = []string{"max_pool2d", "layer_norm", "add_positions",
	"conv2d", "depthwise_conv2d", "batchnorm_train", "batchnorm_infer", "batchnorm_of_conv2d", "mean_norm", "group_norm", "relu", "gelu", "add", "scale", "concat",
	"slice", "global_avg_pool", "matmul", "linear", "linear_of_tokens", "bias", "attention", "softmax", "prepend_token", "slice_tokens", "gather_tokens",
	"mix_tokens", "scale_samples", "reshape"}

func TestOpsOnHalvesMatchTheReferences(t *testing.T) {
	names := halfOps
	if testing.Short() {
		names = names[:3]
	}
	var ops []optest.Op
	for _, name := range names {
		ops = append(ops, cases.Named(name).Halves())
	}
	kerneltest.RunOps(t, bench, ops)
}

package cases

// halfOps are the ops of networks, which take halves in mixed precision. The first three read halves in every way that there is.
var halfOps = []string{"max_pool2d", "layer_norm", "add_positions",
	"conv2d", "depthwise_conv2d", "batchnorm_train", "batchnorm_infer", "batchnorm_of_conv2d", "mean_norm", "group_norm", "relu", "gelu", "add", "scale", "concat",
	"slice", "global_avg_pool", "matmul", "linear", "linear_of_tokens", "bias", "attention", "softmax", "prepend_token", "slice_tokens", "gather_tokens",
	"mix_tokens", "scale_samples", "reshape"}

// Halves returns the rows of the ops of networks on halves. The first three stand for all of them in short tests.
func Halves() (ops []Op) {
	rows := map[string]Op{}
	for _, o := range All() {
		rows[o.Name] = o
	}
	for _, name := range halfOps {
		ops = append(ops, rows[name].Halves())
	}
	return ops
}

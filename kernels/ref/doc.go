// Package ref is the specification of every op: its forward in plain float64 Go, slow and readable.
//
// The kernels are judged by it in two ways: their forward by its values, their backward by central differences of
// Σ r⊙y along random directions, so a reference needs no backward of its own. The references themselves are judged by
// golden results of PyTorch (testdata/*.json, read through ref/golden), forward and backward.
//
// Layouts are the library's logical ones, without padding: activations [N H W C] or [N C], convolution weights [K R S C],
// matrices row-major. Every function returns new tensors and leaves its arguments alone; shapes that do not fit panic
// with a text that names the op and the shapes, since only a mistaken test can cause that.
package ref

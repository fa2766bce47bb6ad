// Package ref specifies every op by its forward pass in plain float64 Go, slow and readable.
//
// Tests compare a kernel's forward pass with the reference's values, and its backward pass with central differences of Σ r⊙y along random
// directions, so a reference needs no backward pass. Forward and backward, the references are compared with PyTorch's results
// (testdata/*.json, read by package ref/golden).
//
// Layouts are the library's logical ones, without padding: activations [N H W C] or [N C], convolution weights [K R S C],
// matrices row-major. Every function returns new tensors and does not change its arguments. On shapes that do not fit it panics with the op and
// the shapes, because only a wrong test can cause that.
package ref

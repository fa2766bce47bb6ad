// Package cases is the table of all ops of package kernels, for their tests and for marr devices --check: how to record the op, its reference, and
// the cases that both are tested on. The tests in kernels and kernels/ref run over All.
//
// To test a new op, add one row to the file of its family. The row's name is the key ("op") of the op's cases in kernels/testdata/ops.json, made
// by tools/golden/ops.py; its inputs and attributes have the same names as there.
package cases

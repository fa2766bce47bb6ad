package net

import (
	"hash/crc32"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
)

// Scope declares the parameters of modules in a store. The names that a module uses are relative to the scope's prefix, and a parameter's initial values
// depend only on the seed and the relative name, not on the order of declaration.
type Scope struct {
	Store *kernels.Store
	Norm  string // kind of the modules' norms: one of Norms; "": batch norm
	Seed  uint64 // of initial values

	prefix string
}

// Param declares a parameter, or returns the existing one of this name; fill draws its initial values.
func (s Scope) Param(name string, fill func(v []float32), shape ...int) *kernels.Param {
	return s.Store.Param(s.prefix+name, func() []float32 {
		n := 1
		for _, d := range shape {
			n *= d
		}
		v := make([]float32, n)
		fill(v)
		return v
	}, shape...)
}

// State declares a state tensor, or returns the existing one of this name; every element starts as `initial`.
func (s Scope) State(name string, initial float32, shape ...int) *kernels.State {
	return s.Store.State(s.prefix+name, initial, shape...)
}

// Source returns the stream of random numbers for a parameter's initial values.
func (s Scope) Source(name string) *rng.Source {
	return rng.New(s.Seed, crc32.ChecksumIEEE([]byte(name)), 0x696e6974)
}

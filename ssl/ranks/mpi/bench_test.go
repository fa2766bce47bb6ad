//go:build cgo && !windows

package mpi

import "github.com/marr-ssl/marr/ssl/ranks"

func bench(c ranks.Comm) error { return c.Close() }

//go:build unix

package main

import (
	"os"
	"syscall"
)

// otherStops are signals of this system that stop a command.
var otherStops = []os.Signal{syscall.SIGUSR1}

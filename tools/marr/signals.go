package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/marr-ssl/marr/ssl/ranks/mpi"
)

// silence is how long a command may work on after a signal before it prints that it has heard it.
const silence = 2 * time.Second

// stopOnSignal returns a context that ends with the first signal, and a channel that then has the exit status of a stopped command. The signals are
// Ctrl-C, SIGTERM, SIGUSR1 (which mpirun forwards, and Slurm can send before a time limit), SIGHUP (the terminal closed) and SIGPIPE (nobody reads stdout
// any more, as after | head). A second Ctrl-C or SIGTERM ends the program
// at once. A second SIGHUP or SIGPIPE does not: the shell and the kernel may both send the former, and each further line raises the latter.
// On Windows Ctrl-Break counts as Ctrl-C, the end of the console or the session as SIGTERM, and the others do not exist.
func stopOnSignal(parent context.Context) (ctx context.Context, status <-chan int, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals, code := make(chan os.Signal, 1), make(chan int, 1)
	signal.Notify(signals, append(otherStops, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)...)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		s := (<-signals).(syscall.Signal)
		signal.Reset(os.Interrupt)
		if _, launched := mpi.Launched(); !launched { // srun sends SIGTERM with Ctrl-C, and SIGKILL to ranks that do not end
			signal.Reset(syscall.SIGTERM)
		}
		code <- 128 + int(s)
		cancel()
		time.Sleep(silence)
		fmt.Fprintln(os.Stderr, "marr: stopping when the device has finished its work; Ctrl-C ends at once, without saving")
	}()
	return ctx, code, cancel
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/ranks/mpi"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// onRanks are the commands that mpirun and srun may start as several ranks: pretrain and bench step run on all together, the others describe the machine
// of each.
var onRanks = []string{"pretrain", "bench", "bench step", "devices", "version"}

// checkRanks returns an error for a command that a launcher started several times, so that each would do the same work and write the same files.
func checkRanks(command string) error {
	l, ok := mpi.Launched()
	if !ok || slices.Contains(onRanks, command) {
		return nil
	}
	return usagef("%s started marr %s %d times, and it runs once: start it alone (pretrain and bench step run on several ranks)", l.Launcher, command, l.Size)
}

// reportedByFirst returns an error of a command line, which the first rank prints for all.
func reportedByFirst(err error) error {
	if err != nil && isFollower() {
		return reportedElsewhere{err}
	}
	return err
}

// usageReportedByFirst returns work with reportedByFirst for errors of the command line. Other errors of a follower reach the first rank through withRanks.
func usageReportedByFirst(work func(context.Context, []string) error) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		err := work(ctx, args)
		if errors.As(err, new(usageError)) {
			return reportedByFirst(err)
		}
		return err
	}
}

// checkRanks returns an error if a launcher started another measurement than that of a step on all ranks, and sets their number.
func (b *benchRun) checkRanks(args []string) error {
	l, ok := mpi.Launched()
	if !ok || len(args) == 0 {
		return nil
	}
	if err := checkRanks("bench " + args[0]); err != nil {
		return err
	}
	if b.peer || b.plan {
		return usagef("bench step: %s started %d ranks: start --peer and --plan alone", l.Launcher, l.Size)
	}
	if len(b.ranks) > 0 && !slices.Equal(b.ranks, []int{l.Size}) {
		return usagef("bench step: --ranks %v: %s started %d ranks, which measure one step together: omit --ranks", b.ranks, l.Launcher, l.Size)
	}
	b.ranks = []int{l.Size}
	return nil
}

// launchLine returns how this program was started on several ranks, such as "mpirun -n 2 "; "" if it is alone.
func launchLine() string {
	l, ok := mpi.Launched()
	if !ok {
		return ""
	}
	program, _, _ := strings.Cut(l.Launcher, " ")
	return fmt.Sprintf("%s -n %d ", program, l.Size)
}

// isFollower reports whether a launcher started this process as another rank than the first.
func isFollower() bool {
	l, ok := mpi.Launched()
	return ok && l.Rank > 0
}

// withRanks calls f after it connected this process with the others of a launcher; with nil if it is alone. All ranks return together, unless f fails.
func withRanks(f func(comm ranks.Comm) error) error {
	l, ok := mpi.Launched()
	if !ok {
		return f(nil)
	}
	comm, err := mpi.Open()
	if errors.As(err, new(*mpi.SetupError)) && l.LocalRank > 0 {
		return reportedElsewhere{err} // by the first rank of this machine
	}
	if err != nil {
		return err
	}
	err = f(comm)
	if err == nil || errors.Is(err, run.ErrStopped) || l.Rank > 0 && run.OnAllRanks(err) { // else the launcher would end ranks that still save
		err = errors.Join(err, comm.Close())
	} else {
		comm.Abort(err)
	}
	if l.Rank > 0 && firstReports(err) {
		return reportedElsewhere{err}
	}
	return err
}

// openDevicesOfRank opens the devices on which this process computes: those of --device or, of several ranks of a machine, one of them for each in turn.
// Without --device these are all devices of the best type.
func openDevicesOfRank(list string) ([]*vk.Device, error) {
	l, ok := mpi.Launched()
	if !ok {
		return openDevices(list)
	}
	choice := selectors(list)
	if list == "" && os.Getenv("MARR_DEVICE") == "" {
		best, err := bestDevices()
		if err != nil {
			return nil, err
		}
		choice = best
	}
	devices, err := openDevices(choice[l.LocalRank%len(choice)])
	if err != nil && len(choice) == 1 && l.LocalRank > 0 {
		return nil, reportedElsewhere{err} // by the first rank of this machine, or by the first of all, which Abort gives the cause
	}
	return devices, err
}

// bestDevices returns the numbers of all devices of the best type.
func bestDevices() (numbers []string, err error) {
	all, err := vk.List()
	if err != nil || len(all) == 0 {
		return []string{""}, err // openDevice says what is missing
	}
	best := slices.MinFunc(all, func(a, b vk.Info) int { return int(a.Type) - int(b.Type) }).Type
	for _, d := range all {
		if d.Type == best {
			numbers = append(numbers, fmt.Sprint(d.Index))
		}
	}
	return numbers, nil
}

// takeKept sets the flags that a resumed run keeps, on a rank that does not plan.
func (p *planner) takeKept() error {
	if !p.resume || p.out == "" {
		return nil
	}
	saved, err := run.ReadSaved(filepath.Join(p.out, run.ConfigFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil // the first rank says so
	}
	if err != nil {
		return err
	}
	return p.setKept(p.out, saved.Flags)
}

// follow computes this rank's share of the run that the first rank plans.
func (p *planner) follow(ctx context.Context, comm ranks.Comm) error {
	return run.Follow(ctx, p.dev, comm, func(c run.Config, channels int) (ssl.Method, *data.Set, error) {
		p.config = &c
		if err := p.open(ctx, c.Size); err != nil {
			return nil, nil, err
		}
		p.set = withChannels(p.set, channels)
		m, err := ssl.New(c.Method)
		if err == nil {
			_, err = setOptions(p.fs, m, func(name string) any { return c.Options[name] })
		}
		if d, ok := m.(*ssl.Distill); ok && err == nil {
			err = p.openTeacher(ctx)
			d.Teacher = p.features
		}
		return m, p.set, err
	})
}

// reportedElsewhere is an error that another rank prints.
type reportedElsewhere struct{ error }

// reportTime is how long a rank waits before it ends with an error that another rank prints: mpirun then ends the other, which may not have printed it yet.
const reportTime = time.Second

func (e reportedElsewhere) Unwrap() error { return e.error }

// firstReports reports whether the first rank has the error of another one.
func firstReports(err error) bool {
	var lost *ranks.LostError
	return errors.Is(err, run.ErrStopped) || errors.Is(err, context.Canceled) || run.OnAllRanks(err) || errors.As(err, &lost) && lost.Rank == 0 && lost.Aborted
}

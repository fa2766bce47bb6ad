//go:build cgo && !windows

package mpi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/marr-ssl/marr/ssl/ranks"
)

// roleEnv names what this test binary does as a rank. Without it, it runs tests, which start it under mpirun.
const roleEnv = "MARR_MPI_ROLE"

// launcherEnv is the launcher of the tests, with arguments. To test MPICH, set it to the path of its mpirun.
const launcherEnv = "MARR_MPIRUN"

func TestMain(m *testing.M) {
	name := os.Getenv(roleEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	c, err := Open()
	if err == nil {
		err = roles[name](c)
	}
	if err != nil {
		fmt.Printf("rank %s: %v\n", os.Getenv("OMPI_COMM_WORLD_RANK")+os.Getenv("PMI_RANK"), err)
		os.Exit(1)
	}
}

// long skips a test that starts many processes or waits for seconds.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

// launch runs n ranks in a role, and returns what they printed and how long they took. Only the error of the launcher is returned.
func launch(t testing.TB, n int, role string, args ...string) (string, time.Duration, error) {
	t.Helper()
	launcher := []string{"mpirun", "--oversubscribe"}
	if s := os.Getenv(launcherEnv); s != "" {
		launcher = strings.Fields(s)
	}
	launcher = append(launcher, args...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, launcher[0], append(launcher[1:], "-n", fmt.Sprint(n), os.Args[0])...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s: %d ranks hang:\n%s", role, n, out)
	}
	return string(out), time.Since(began), err
}

// roles are what ranks do in the tests.
var roles = map[string]func(ranks.Comm) error{
	"collectives": collectives,
	"signals":     signals,
	"bench":       bench,
	"mismatch": func(c ranks.Comm) error {
		send, recv := make([][]byte, c.Size()), make([][]byte, c.Size())
		if c.Rank() == 0 {
			send[1] = make([]byte, 5)
		} else {
			recv[0] = make([]byte, 7)
		}
		err := c.Exchange(send, recv)
		if err != nil {
			c.Abort(err)
		}
		return exchanges(c, 1, err)
	},
	"endless": func(c ranks.Comm) error { return exchanges(c, -1, nil) },
	"killed": func(c ranks.Comm) error {
		return exchanges(c, 1, nil, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	},
	"silent": func(c ranks.Comm) error { // its thread of MPI hangs. Open MPI's mpirun would see that a process is stopped
		return exchanges(c, 1, nil, func() { c.(*comm).do(func() error { time.Sleep(time.Minute); return nil }) })
	},
	"closed": func(c ranks.Comm) error {
		return exchanges(c, 1, nil, func() { fmt.Printf("Close: %v\n", c.Close()) })
	},
	"aborted": func(c ranks.Comm) error {
		return exchanges(c, 1, nil, func() {
			c.Abort(errors.New("the disk is full"))
			time.Sleep(5 * time.Second) // or the launcher ends the others before they print
		})
	},
	"busy": func(c ranks.Comm) error {
		if c.Rank() == 1 {
			time.Sleep((maxSilence + 5) * time.Second)
		}
		_, err := ranks.Gather(c, nil)
		return errors.Join(err, c.Close())
	},
}

// exchanges exchanges until an error. After a second, one rank fails instead. The error is passed to all others, as the command does.
func exchanges(c ranks.Comm, failing int, err error, fail ...func()) error {
	if err == nil {
		fmt.Printf("rank %d has begun\n", c.Rank())
	}
	for began := time.Now(); err == nil; {
		if c.Rank() == failing && time.Since(began) > time.Second {
			fail[0]()
			return nil
		}
		_, err = ranks.Gather(c, make([]byte, 1<<20))
		if err == nil {
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Printf("rank %d of %d ends: %v\n", c.Rank(), c.Size(), err)
	c.Abort(err)
	time.Sleep(3 * time.Second) // or the launcher ends the others before they print
	return err
}

func collectives(c ranks.Comm) error {
	maxMessage = 1 << 20
	text := func(rank int) []byte { return bytes.Repeat([]byte{'a' + byte(rank)}, rank*1_500_000) }
	for range 5 {
		all, err := ranks.Gather(c, text(c.Rank()))
		if err != nil {
			return err
		}
		for i := range all {
			if !bytes.Equal(all[i], text(i)) {
				return fmt.Errorf("gathered %d bytes from rank %d, want %d", len(all[i]), i, len(text(i)))
			}
		}
		for root := range c.Size() {
			b, err := ranks.Broadcast(c, root, text(c.Rank()))
			if err != nil || !bytes.Equal(b, text(root)) {
				return fmt.Errorf("broadcast from rank %d: %d bytes, %v", root, len(b), err)
			}
		}
	}
	if err := ranks.Compare(c, map[string]string{"version": "1"}); err != nil {
		return err
	}
	const length = 3_000_017
	value := func(part, i int) float32 { return 1 / float32(1+(i*7+part*13)%1009) }
	parts := [][]float32{make([]float32, length), make([]float32, length)}
	for j := range parts {
		for i := range parts[j] {
			parts[j][i] = value(c.Rank()*2+j, i)
		}
	}
	out, r := make([]float32, length), ranks.NewReducer(c, ranks.FP32)
	for range 3 {
		if err := r.SumParts(parts, out); err != nil {
			return err
		}
		for i := range out {
			sum := value(0, i)
			for part := 1; part < 2*c.Size(); part++ {
				sum += value(part, i)
			}
			if out[i] != sum {
				return fmt.Errorf("sum: element %d is %v, want %v", i, out[i], sum)
			}
		}
		clear(out)
		runtime.GC()
	}
	if err := sumHalves(c, value); err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	fmt.Printf("rank %d is done\n", c.Rank())
	return nil
}

// sumHalves compares a sum on ranks.FP16 with that of one rank which has all parts.
func sumHalves(c ranks.Comm, value func(part, i int) float32) error {
	const length = 700_017
	parts, sums := make([][]float32, 2*c.Size()), [2][]float32{make([]float32, length), make([]float32, length)}
	for j := range parts {
		parts[j] = make([]float32, length)
		for i := range parts[j] {
			parts[j][i] = value(j, i)
		}
	}
	if err := ranks.NewReducer(ranks.Local(1)[0], ranks.FP16).SumParts(parts, sums[0]); err != nil {
		return err
	}
	if err := ranks.NewReducer(c, ranks.FP16).SumParts(parts[2*c.Rank():][:2], sums[1]); err != nil {
		return err
	}
	if !slices.Equal(sums[0], sums[1]) {
		return fmt.Errorf("the sum on FP16 of %d ranks differs from that of one", c.Size())
	}
	return nil
}

// signals checks that Go's handlers are in place: a nil pointer is a panic, and signals arrive.
func signals(c ranks.Comm) error {
	caught := func() (caught any) {
		defer func() { caught = recover() }()
		var p *int
		*p = 1
		return nil
	}()
	if caught == nil {
		return errors.New("writing through a nil pointer did not panic")
	}
	// Not SIGURG: Go drops it if it arrives on a thread that the library started.
	all := []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCHLD, syscall.SIGHUP}
	for _, s := range all {
		came := make(chan os.Signal, 10)
		signal.Notify(came, s)
		for range 100 { // on any thread
			syscall.Kill(os.Getpid(), s.(syscall.Signal))
			if got := <-came; got != s {
				return fmt.Errorf("signal %v came as %v", s, got)
			}
		}
		signal.Stop(came)
	}
	if _, err := ranks.Gather(c, nil); err != nil {
		return err
	}
	return c.Close()
}

func TestCollectivesOfProcesses(t *testing.T) {
	long(t)
	for _, n := range []int{2, 4} {
		out, _, err := launch(t, n, "collectives")
		if err != nil || strings.Count(out, "is done") != n {
			t.Errorf("%d ranks: %v\n%s", n, err, out)
		}
	}
}

func TestGoKeepsItsSignals(t *testing.T) {
	long(t)
	if out, _, err := launch(t, 2, "signals"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRanksThatComputeForLongAreNotLost(t *testing.T) {
	long(t)
	if out, _, err := launch(t, 2, "busy"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestALostRankEndsTheOthers(t *testing.T) {
	long(t)
	killed := "process rank 1 with PID"
	if os.Getenv(launcherEnv) != "" {
		killed = "Killed" // MPICH names process and host alone
	}
	for _, test := range []struct {
		role   string
		n      int
		within time.Duration
		want   []string
	}{
		{"killed", 4, 10 * time.Second, []string{killed}}, // printed by the launcher, which ends all
		{"closed", 4, 12 * time.Second, []string{"rank 0 of 4 ends: ranks: rank 1 on host", "rank 2 of 4 ends", "rank 3 of 4 ends", "is lost: it has left the run", "Close: ranks: rank"}},
		{"aborted", 4, 12 * time.Second, []string{"rank 0 of 4 ends: ranks: rank 1 on host", "rank 2 of 4 ends", "rank 3 of 4 ends", "is lost: the disk is full"}},
		{"silent", 3, 40 * time.Second, []string{"rank 0 of 3 ends: ranks: rank 1 on host", "rank 2 of 3 ends: ranks: rank 1 on host", "no sign of life for 20 s"}},
		{"mismatch", 2, 12 * time.Second, []string{"rank 0 sent 5 bytes, rank 1 expects 7"}},
	} {
		t.Run(test.role, func(t *testing.T) {
			out, took, err := launch(t, test.n, test.role)
			missing := slices.DeleteFunc(slices.Clone(test.want), func(s string) bool { return strings.Contains(out, s) })
			if err == nil || len(missing) > 0 {
				t.Errorf("error %v, want one and an output with %q:\n%s", err, missing, out)
			}
			if took > test.within {
				t.Errorf("took %v, want at most %v", took, test.within)
			}
		})
	}
}

func TestAMissingLibraryIsNamed(t *testing.T) {
	t.Setenv(LibraryEnv, "/nowhere/libmpi.so")
	_, err := openLibrary(Launch{Launcher: "srun", Rank: 1, Size: 4})
	if err == nil || !strings.Contains(err.Error(), "srun started rank 1 of 4") || !strings.Contains(err.Error(), "/nowhere/libmpi.so") {
		t.Errorf("error %v, want one that names launcher and library", err)
	}
	t.Setenv(LibraryEnv, "libc.so.6")
	if _, err := openLibrary(Launch{Launcher: "srun", Rank: 1, Size: 4}); err == nil || !strings.Contains(err.Error(), "no MPI_Init_thread") {
		t.Errorf("error %v, want that the library has no MPI_Init_thread", err)
	}
}

// Open MPI ends the process if srun offers it no PMIx, so openLibrary must not choose it then.
func TestSrunWithoutAConnectionIsRefused(t *testing.T) {
	t.Setenv(LibraryEnv, "")
	t.Setenv(slurmPMIEnv, "")
	var setup *SetupError
	if _, err := openLibrary(Launch{Launcher: "srun", Rank: 1, Size: 4}); !errors.As(err, &setup) || !strings.Contains(err.Error(), "use srun --mpi=pmix with Open MPI") {
		t.Errorf("error %v, want that --mpi is missing", err)
	}
	t.Setenv(slurmPMIEnv, "/usr/lib/libpmi.so")
	if opened, err := openLibrary(Launch{Launcher: "srun", Rank: 1, Size: 4}); err == nil && isOpenMPI() || err != nil && !strings.Contains(err.Error(), "which needs srun --mpi=pmix") {
		t.Errorf("Slurm's libpmi for Intel MPI: opened %q, error %v, want no Open MPI", opened, err)
	}
	for path, want := range map[string]string{"": "or use srun --mpi=pmix with Open MPI", "/nowhere/libmpi.so": "/nowhere/libmpi.so"} {
		t.Setenv(LibraryEnv, path)
		if opened, err := openLibrary(Launch{Launcher: "srun", Rank: 1, Size: 4, PMI: PMI2}); err == nil && isOpenMPI() || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s=%s: opened %q, error %v, want no Open MPI", LibraryEnv, path, opened, err)
		}
	}
}

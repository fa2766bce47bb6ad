//go:build cgo && linux

package mpi

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killAll ends the processes in the network namespaces.
func killAll() {
	for _, host := range []string{"marr1", "marr2"} {
		pids, _ := exec.Command("ip", "netns", "pids", host).Output()
		for _, line := range strings.Fields(string(pids)) {
			if pid, err := strconv.Atoi(line); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}

// hosts makes two network namespaces, marr1 and marr2, with a cable between them, and returns a shell script that runs a command in one of them.
// It skips the test where the user may not do that.
func hosts(t *testing.T) (agent string) {
	t.Helper()
	ip := func(arguments string) error {
		out, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", arguments, err, out)
		}
		return nil
	}
	if err := ip("netns add marr1"); err != nil {
		t.Skipf("this test needs root, iproute2 and network namespaces: %v", err)
	}
	t.Cleanup(func() {
		killAll()
		for _, host := range []string{"marr1", "marr2"} {
			ip("netns del " + host)
			os.RemoveAll("/etc/netns/" + host)
		}
	})
	for _, command := range []string{
		"netns add marr2", "link add marrveth1 netns marr1 type veth peer name marrveth2 netns marr2",
		"-n marr1 addr add 10.77.0.1/24 dev marrveth1", "-n marr1 link set marrveth1 up", "-n marr1 link set lo up",
		"-n marr2 addr add 10.77.0.2/24 dev marrveth2", "-n marr2 link set marrveth2 up", "-n marr2 link set lo up",
	} {
		if err := ip(command); err != nil {
			t.Fatal(err)
		}
	}
	agent = filepath.Join(t.TempDir(), "agent.sh")
	files := map[string]string{agent: "#!/bin/sh\nhost=$1\nshift\nexec ip netns exec $host unshare -u sh -c \"hostname $host; $*\"\n"}
	for _, host := range []string{"marr1", "marr2"} { // ip netns exec mounts it as /etc/hosts
		files["/etc/netns/"+host+"/hosts"] = "127.0.0.1 localhost\n10.77.0.1 marr1\n10.77.0.2 marr2\n"
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return agent
}

func TestACutNetworkIsALostRank(t *testing.T) {
	long(t)
	agent := hosts(t)
	test, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	mpirun := "mpirun --mca plm_rsh_agent " + agent + " --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24" +
		" --mca oob_tcp_if_include 10.77.0.0/24 --host marr1:1,marr2:1 -x " + roleEnv + " -n 2 " + test
	cmd := exec.Command(agent, "marr1", mpirun)
	cmd.Env = append(os.Environ(), roleEnv+"=endless", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		killAll() // mpirun would wait for its daemon on the other host
		cmd.Wait()
	}()
	var cut time.Time
	timeout := time.AfterFunc(time.Minute, killAll)
	defer timeout.Stop()
	var output strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		output.WriteString(lines.Text() + "\n")
		switch {
		case strings.Contains(lines.Text(), "has begun") && cut.IsZero():
			time.Sleep(time.Second)
			cut = time.Now()
			if b, err := exec.Command("ip", "-n", "marr1", "link", "set", "marrveth1", "down").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
		case strings.Contains(lines.Text(), "rank 0 of 2 ends: ranks: rank 1 on host marr2 is lost: no sign of life for 20 s"):
			if took := time.Since(cut); took > 30*time.Second {
				t.Errorf("the error came %v after the cut, want at most 30 s", took)
			}
			return
		}
	}
	t.Errorf("no error that rank 1 on host marr2 is lost:\n%s", output.String())
}

package main

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// stopSignals are the signals that stop a run, and the exit status after each. stopSignal is the usual one. It is sent as Ctrl-Break, which the system
// can send to one process.
var stopSignals = map[syscall.Signal]int{syscall.SIGINT: 130}

const stopSignal = syscall.SIGINT

// send sends Ctrl-C where there is no Ctrl-Break: Wine 8 does not implement that event, and later ones end the process without its handler.
func send(p *os.Process, s syscall.Signal) error {
	if s == syscall.SIGKILL {
		return p.Kill()
	}
	if windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.Pid)) == nil {
		return nil
	}
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, uint32(p.Pid))
}

// inOwnGroup makes a command the only receiver of what is sent to it.
func inOwnGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// A new process group begins with Ctrl-C switched off.
func init() {
	if os.Getenv("MARR_TEST_COMMAND") == "1" {
		windows.NewLazySystemDLL("kernel32.dll").NewProc("SetConsoleCtrlHandler").Call(0, 0)
	}
}

//go:build unix && !linux

package external

import (
	"os"
	"syscall"
)

// attributes give the process a group of its own, which the terminal's interrupt does not reach and which can be ended as a
// whole.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

package external

import (
	"os"
	"syscall"
)

// attributes give the process a group of its own, which the terminal's interrupt does not reach and which can be ended as a
// whole, and let it end with dtm even when it hangs.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

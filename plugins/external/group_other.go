//go:build !unix

package external

import (
	"os"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return nil }

// killGroup ends the process alone: there are no groups.
func killGroup(p *os.Process) error { return p.Kill() }

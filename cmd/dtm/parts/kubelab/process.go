package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A process is one part of the control plane, run by this program under another name. What it says is in NAME.log.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	// gone is closed when the process has ended, and no earlier.
	gone chan struct{}
}

// start starts a part. It must be called from the thread that main is locked to: a part is killed when the thread ends
// that started it.
func start(dir, name string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), gone: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// Whatever is built while this runs replaces the program's file, and the parts must fit one another.
	p.cmd = exec.Command("/proc/self/exe", append([]string{name}, args...)...)
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.gone)
	}()
	return p, nil
}

// kill ends the process at once and returns when it has ended. Nobody needs what it has not written yet.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.gone
}

func (p *process) running() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// lost is the error for a process that ended by itself.
func (p *process) lost() error {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	if len(lines) > 15 {
		lines = lines[len(lines)-15:]
	}
	return &lostError{part: p.name, said: strings.Join(lines, "\n")}
}

type lostError struct{ part, said string }

func (e *lostError) Error() string { return fmt.Sprintf("%s has ended: %s", e.part, e.said) }

// taken tells whether the process found a port in use.
func (e *lostError) taken() bool { return strings.Contains(e.said, "address already in use") }

// freePorts are ports of the loopback that nobody listens on. They are below those that Linux hands out by itself:
// while the API server is stopped, no other program gets its port by accident.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 1000 {
		port := 16000 + rand.IntN(16000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer listener.Close() // not before all are found, or one could be found twice
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between 16000 and 32000", n)
}

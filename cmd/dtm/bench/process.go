package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// sample is what one process took.
type sample struct {
	// wall is from before the start until the process has ended; cpu is user and system time.
	wall, cpu time.Duration
	// first is until the first byte on standard output or standard error.
	first time.Duration
	// rss is the largest resident set, in bytes.
	rss int64
	// written are the bytes that were to go to the disk, in whole pages, as the kernel counts them for the process.
	written int64
}

// process runs a program in dir. Both outputs are pipes that are read, as in CI.
func process(ctx context.Context, dir, program string, args ...string) (sample, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return sample{}, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return sample{}, err
	}
	shrink()
	w := watch{began: time.Now()}
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	var readers sync.WaitGroup
	readers.Go(func() { w.read(stdout) })
	readers.Go(func() { w.read(stderr) })
	readers.Wait()
	err = cmd.Wait()
	return w.end(cmd, err)
}

// onTerminal is process with a terminal, where there are colours and moving pictures.
func onTerminal(ctx context.Context, dir, program string, args ...string) (sample, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	w := watch{began: time.Now()}
	terminal, err := pty.Start(cmd)
	if err != nil {
		return sample{}, err
	}
	defer terminal.Close()
	w.read(terminal)
	err = cmd.Wait()
	return w.end(cmd, err)
}

// watch reads what a process says.
type watch struct {
	began time.Time

	mu    sync.Mutex
	first time.Duration
	// last is the end of what was said, for errors.
	last []byte
}

func (w *watch) read(from io.Reader) {
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			w.take(buf[:n])
		}
		if err != nil {
			return // the end; a terminal says EIO
		}
	}
}

func (w *watch) take(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == 0 {
		w.first = time.Since(w.began)
	}
	const enough = 2000
	w.last = append(w.last, p...)
	w.last = bytes.Clone(w.last[max(0, len(w.last)-enough):])
}

// end makes a sample of a process that has been waited for, with the error of waiting.
func (w *watch) end(cmd *exec.Cmd, err error) (sample, error) {
	s := sample{wall: time.Since(w.began), first: w.first}
	if err != nil {
		return s, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(w.last)))
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return s, errors.ErrUnsupported
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.rss = usage.Maxrss
	if runtime.GOOS == "linux" {
		s.rss *= 1 << 10
		s.written = usage.Oublock * 512
	}
	return s, nil
}

// shrink makes this process small, and lets the kernel forget how large it was: until it is another program, a new process
// counts as being as large as the one that it comes from.
func shrink() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // what else there is than Linux has no such thing
}

// settle lets the disk finish what earlier measurements have left to it.
func settle() { syscall.Sync() }

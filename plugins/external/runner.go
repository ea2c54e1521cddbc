package external

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// pipesWait is how long the output of a process that has ended is waited for: a child of its own may hold it open.
const pipesWait = time.Second

// program is a process as go-plugin wants it. go-plugin's own gives the process dtm's standard input, parses what it prints
// and can panic over it, and waits without end for one that hangs.
type program struct {
	cmd *exec.Cmd
	// stdin is held open as long as the process may live.
	stdin io.Closer
	out   *handshake
	// line is the pipe's end from which go-plugin reads the handshake.
	line   *io.PipeReader
	stderr *lines

	// exited is closed when the process has ended and all that it printed was heard. Then cmd.ProcessState is set.
	exited chan struct{}

	mu      sync.Mutex
	started bool
	// doomed tells that dtm has ended it, or would have before it began; why says why.
	doomed bool
	why    error
}

var _ runner.Runner = (*program)(nil)

// newProgram is a process that is not started yet, and has no environment yet.
func newProgram(path string, i Installed, version string, heard *output) *program {
	cmd := exec.Command(path, i.Command[1:]...)
	cmd.Dir = i.Dir
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = pipesWait
	p := &program{cmd: cmd, stderr: &lines{to: heard.line}, exited: make(chan struct{})}
	p.out, p.line = newHandshake(version, heard.line)
	cmd.Stdout, cmd.Stderr = p.out, p.stderr
	return p
}

// Start starts the process. It must not be called twice.
func (p *program) Start(context.Context) error {
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	p.stdin = stdin
	started := make(chan error)
	go func() {
		// Linux ends the process with the thread that started it: this one waits for it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := p.cmd.Start(); err != nil {
			p.out.close()
			started <- startError(p.cmd.Path, err)
			return
		}
		p.begun()
		started <- nil
		// How it ended is in cmd.ProcessState.
		_ = p.cmd.Wait()
		// What it has started must not outlive it.
		_ = killGroup(p.cmd.Process)
		p.stderr.flush()
		p.out.rest.flush()
		close(p.exited)
		// Only now, so that go-plugin does not find a process that it could kill.
		p.out.close()
	}()
	return <-started
}

func (p *program) begun() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = true
	if p.doomed {
		_ = killGroup(p.cmd.Process)
	}
}

// kill ends the process and what it has started, with why as the reason, unless there is one already.
func (p *program) kill(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exited:
		return
	default:
	}
	if !p.doomed {
		p.doomed, p.why = true, why
	}
	if p.started {
		_ = killGroup(p.cmd.Process)
	}
}

// dismiss asks the process to end, as the end of dtm would: why is why.
func (p *program) dismiss(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exited:
		return
	default:
	}
	if !p.doomed {
		p.doomed, p.why = true, why
	}
	_ = p.stdin.Close()
}

// reason is why dtm has ended the process, nil if it has not.
func (p *program) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why
}

// Kill is what go-plugin does with a process that has not made itself known, or is to go.
func (p *program) Kill(context.Context) error {
	p.kill(errHandshake)
	return nil
}

// errHandshake is why go-plugin ends a process: with one that is ready, this package does.
var errHandshake = errors.New("its handshake is not understood")

// Wait waits for the end of the process.
func (p *program) Wait(context.Context) error {
	<-p.exited
	return nil
}

// Diagnose has nothing to say: the errors of this package do.
func (p *program) Diagnose(context.Context) string { return "" }

// Stdout is the handshake line.
func (p *program) Stdout() io.ReadCloser { return p.line }

// Stderr is empty: what the process says there is heard already.
func (p *program) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the path of the program.
func (p *program) Name() string { return filepath.Base(p.cmd.Path) }

// ID is the process's.
func (p *program) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started {
		return ""
	}
	return strconv.Itoa(p.cmd.Process.Pid)
}

// PluginToHost and HostToPlugin leave addresses as they are.
func (p *program) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin: see PluginToHost.
func (p *program) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

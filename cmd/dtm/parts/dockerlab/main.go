//go:build linux

// Command dockerlab runs a Docker engine of its own, for tests, and leaves nothing of it behind.
//
// The engine lives in namespaces of its own for processes and mounts, so that whatever it started ends with it, and what it
// mounted is gone. It touches no rule of the machine's firewall: its containers have a bridge, published ports are served
// by Docker's own proxy, and nobody leads from a container to the outside. Another engine on the machine does not notice.
//
// It says in one line of JSON where the engine listens, and ends when its standard input does, in whatever way its parent
// ended. If it is killed itself, the engine is killed with it, and the next one in its place clears what is left.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// answer is all that it says: where the engine listens, or why there is none.
type answer struct {
	Host, Error string
}

func main() {
	// The engine is to be killed when the thread ends that started it. The first one ends last.
	runtime.LockOSThread()
	if len(os.Args) == 3 && os.Args[1] == "inside" {
		os.Exit(inside(os.Args[2]))
	}
	// Whoever reads may be gone.
	signal.Ignore(syscall.SIGPIPE)
	if err := run(os.Stdin, os.Stdout); err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(answer{Error: err.Error()})
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	p, err := takePlace("/tmp/dtm-dockerlab")
	if err != nil {
		return err
	}
	defer p.lock.Close()
	p.clear()
	defer p.clear()
	if err := p.prepare(ctx); err != nil {
		return err
	}
	stop, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := json.NewEncoder(out).Encode(answer{Host: "unix://" + p.socket()}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// place is a folder and a bridge that belong to one dockerlab at a time.
type place struct {
	number int
	dir    string
	lock   *os.File
}

// takePlace takes the first place that is free.
func takePlace(base string) (*place, error) {
	if err := os.Mkdir(base, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	info, err := os.Lstat(base)
	if err != nil {
		return nil, err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(owner.Uid) != os.Getuid() {
		return nil, fmt.Errorf("%s is somebody else's", base)
	}
	for n := 1; n < 200; n++ {
		lock, err := os.OpenFile(filepath.Join(base, strconv.Itoa(n)+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return &place{number: n, dir: filepath.Join(base, strconv.Itoa(n)), lock: lock}, nil
		}
		_ = lock.Close()
	}
	return nil, errors.New("every place is taken")
}

func (p *place) bridge() string { return fmt.Sprintf("dtmlab%d", p.number) }
func (p *place) cgroup() string { return fmt.Sprintf("dtm-dockerlab-%d", p.number) }
func (p *place) socket() string { return filepath.Join(p.dir, "d.sock") }

// clear removes what was made for an engine in this place, by whomever. What is not there is not missed.
func (p *place) clear() {
	_ = exec.Command("ip", "link", "del", p.bridge()).Run()
	_ = os.RemoveAll(p.dir)
	for _, pattern := range []string{"/sys/fs/cgroup/" + p.cgroup(), "/sys/fs/cgroup/*/" + p.cgroup()} {
		groups, _ := filepath.Glob(pattern)
		for _, group := range groups {
			var inner []string
			_ = filepath.WalkDir(group, func(path string, e os.DirEntry, err error) error {
				if err == nil && e.IsDir() {
					inner = append(inner, path)
				}
				return nil
			})
			for _, path := range slices.Backward(inner) {
				_ = syscall.Rmdir(path)
			}
		}
	}
}

// prepare makes the folder, and a bridge in a network that is kept for such tests (RFC 2544).
func (p *place) prepare(ctx context.Context) error {
	if err := os.Mkdir(p.dir, 0o711); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(p.dir, "data"), 0o711); err != nil {
		return err
	}
	// The engine would try to get a broken layer for most of a minute.
	if err := os.WriteFile(filepath.Join(p.dir, "daemon.json"), []byte("{\"max-download-attempts\": 1}\n"), 0o600); err != nil {
		return err
	}
	for _, words := range []string{
		"link add " + p.bridge() + " type bridge",
		fmt.Sprintf("addr add 198.18.%d.1/24 dev %s", p.number, p.bridge()),
		"link set " + p.bridge() + " up",
	} {
		if text, err := exec.CommandContext(ctx, "ip", strings.Fields(words)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", words, err, strings.TrimSpace(string(text)))
		}
	}
	return nil
}

// start starts the engine and returns when it answers. stop ends it and all that it started.
func (p *place) start(ctx context.Context) (stop func(), err error) {
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "inside", strconv.Itoa(p.number))
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // ^C is for the tests; this ends after them
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	var died error // once it has ended
	go func() {
		died = cmd.Wait()
		close(ended)
	}()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", p.socket())
	}}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := ping(within, client); err == nil {
			return stop, nil
		}
		select {
		case <-tick.C:
		case <-ended:
			return nil, fmt.Errorf("dockerd has ended: %v: %s", died, p.lastWords())
		case <-within.Done():
			stop()
			return nil, fmt.Errorf("dockerd does not answer: %s", p.lastWords())
		}
	}
}

func ping(ctx context.Context, client *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// lastWords are what the engine said last.
func (p *place) lastWords() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return string(text[max(0, len(text)-2000):])
}

// inside is the first process of the namespaces: when it ends, the kernel ends all others in there. It returns the exit
// code of dockerd.
func inside(number string) int {
	dir, err := os.Getwd()
	if err != nil {
		return complain(err)
	}
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"none", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		// Here a containerd of the machine would be found, and taken for the engine's own.
		{"tmpfs", "/run", "tmpfs", 0},
		// What ends with the tests need not be safe on a disk, for which the engine waits at every step.
		{"tmpfs", filepath.Join(dir, "data"), "tmpfs", 0},
	} {
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return complain(fmt.Errorf("mount %s: %w", m.target, err))
		}
	}
	program, err := exec.LookPath("dockerd")
	if err != nil {
		return complain(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	dockerd, err := os.StartProcess(program, []string{
		program, "--config-file", filepath.Join(dir, "daemon.json"), "--host", "unix://" + filepath.Join(dir, "d.sock"),
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "d.pid"),
		"--bridge", "dtmlab" + number, "--cgroup-parent", "/dtm-dockerlab-" + number,
		"--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--userland-proxy=true",
	}, &os.ProcAttr{Dir: dir, Env: os.Environ(), Files: []*os.File{nil, os.Stdout, os.Stderr}})
	if err != nil {
		return complain(err)
	}
	go func() {
		<-stop
		_ = dockerd.Signal(syscall.SIGTERM)
	}()
	for {
		// Whoever lost its parent is this process' child now.
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return complain(err)
		case pid == dockerd.Pid:
			return status.ExitStatus()
		}
	}
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

package parts

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	moby "github.com/moby/moby/client"
)

// An Engine is a Docker engine of the tests' own, without any image and without a way to the outside. Its containers see
// the folders of the machine, and what they publish is published on the machine.
//
// Its methods may be called by many goroutines at the same time.
type Engine struct {
	host string
	api  *moby.Client

	cmd *exec.Cmd
	in  io.Closer // the engine ends when this does

	mu     sync.Mutex
	gitlab []byte          // the program of the images, once it is built
	loaded map[string]bool // the images that it has been given
}

// engine is the Docker engine of this process.
var engine struct {
	sync.Mutex
	engine *Engine
	err    error
}

// Docker is the Docker engine that all tests of the process share. It is started when the first one asks for it and ends
// with the process, in whatever way that does. Tests stay apart by the names of their containers, which they remove.
func Docker(t testing.TB) *Engine {
	t.Helper()
	installed(t, "dockerd", "docker.io")
	installed(t, "ip", "iproute2")
	Need(t, os.Geteuid() == 0, "a Docker engine needs root: run the tests as root")
	engine.Lock()
	defer engine.Unlock()
	if engine.engine == nil && engine.err == nil {
		engine.engine, engine.err = startEngine(Build{Name: "dockerlab", Package: "./cmd/dtm/parts/dockerlab"}.Path(t))
	}
	if engine.err != nil {
		t.Fatal(engine.err)
	}
	return engine.engine
}

func startEngine(program string) (*Engine, error) {
	// Not a context's: the engine outlives the test that happens to be the first.
	e := &Engine{cmd: exec.Command(program)}
	in, err := e.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	e.in = in
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	var up struct{ Host, Error string }
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &up)
	}
	if err == nil && up.Error != "" {
		err = errors.New(up.Error)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dockerlab: %w", err), e.stop())
	}
	e.host = up.Host
	e.api, err = moby.New(moby.WithHost(e.host))
	return e, err
}

// stop ends the engine and returns when nothing of it is left.
func (e *Engine) stop() error {
	return errors.Join(e.in.Close(), e.cmd.Wait())
}

// Host is where the engine listens, as DOCKER_HOST names it: "unix:///…".
func (e *Engine) Host() string { return e.host }

// Client is a client of the engine, to look at the world past what is tested, and to change it.
func (e *Engine) Client() *moby.Client { return e.api }

// GitLab gives the engine an image of that name, as in "gitlab/gitlab-ce:19.4.1-ce.0", that stands in for GitLab's. The
// comment on the command gitlabstub says what it does. Like GitLab's it checks its own health, only more often. An image
// that the engine was given before is not loaded again.
func (e *Engine) GitLab(t testing.TB, image string) {
	t.Helper()
	e.load(t, image, "HEALTHCHECK --interval=300ms --timeout=5s --retries=2 CMD [\"/gitlab\",\"healthcheck\"]")
}

// GitLabUnchecked is GitLab with an image that does not check its own health, and that is not asked to end but ended when it
// is stopped: a program that has only just been started does not hear that it is asked, and the engine waits for minutes.
func (e *Engine) GitLabUnchecked(t testing.TB, image string) {
	t.Helper()
	e.load(t, image, "STOPSIGNAL SIGKILL")
}

func (e *Engine) load(t testing.TB, image string, words ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loaded[image] {
		return
	}
	if e.gitlab == nil {
		path := Build{Name: "gitlabstub", Package: "./cmd/dtm/parts/gitlabstub", LDFlags: "-s -w", Env: []string{"CGO_ENABLED=0"}}.Path(t)
		program, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e.gitlab = program
	}
	recipe := append([]string{"FROM scratch", "COPY gitlab /gitlab", `ENTRYPOINT ["/gitlab"]`, "ENV PATH=/", "EXPOSE 22 80 443"}, words...)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range map[string][]byte{"Dockerfile": []byte(strings.Join(recipe, "\n")), "gitlab": e.gitlab} {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(data))})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	answer, err := e.api.ImageBuild(ctx, &b, moby.ImageBuildOptions{Tags: []string{image}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.api.ImageInspect(ctx, image); err != nil {
		t.Fatalf("build of %s: %v: %s", image, err, text)
	}
	if e.loaded == nil {
		e.loaded = map[string]bool{}
	}
	e.loaded[image] = true
}

// ports counts the ports that were given out in this process.
var ports atomic.Int32

// FreePorts returns ports of the machine on which nobody listens, each of them once in a process, and to no other process
// before t is done. They are below those that the kernel gives out by itself; where processes begin to look depends on their
// number.
func FreePorts(t testing.TB, n int) []uint16 {
	t.Helper()
	const first, count = 15000, 15000
	var free []uint16
	for range count {
		port := first + (os.Getpid()*97+int(ports.Add(1)))%count
		// A name in the kernel, which goes with the process at the latest, tells other processes that the port is given out.
		claim, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", fmt.Sprintf("@dtm-test-port-%d", port))
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = claim.Close() })
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		if free = append(free, uint16(port)); len(free) == n {
			return free
		}
	}
	t.Fatal("there are no free ports")
	return nil
}

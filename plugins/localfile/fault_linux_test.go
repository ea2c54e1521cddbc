package localfile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// calls are the system calls that change something or make it durable, as strace wants them.
const calls = "openat,mkdirat,write,fchmod,fsync,?renameat,?renameat2,unlinkat"

// TestEveryFailedSystemCallCanBeRecovered runs the suite's faults against the real thing: a verb is taken in a process
// of its own, and strace lets its n-th call fail (Before), or kills the process at it (After).
func TestEveryFailedSystemCallCanBeRecovered(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some hundred processes")
	}
	if err := exec.Command("strace", "-qq", "-o", os.DevNull, "true").Run(); err != nil {
		t.Skip("strace cannot run here:", err)
	}
	made := map[string][]call{}
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		w := newWorld(t)
		s := w.subject(
			`{"filename": "x/a", "content": "hello", "mode": "0666", "createDirs": true}`,
			`{"filename": "x/a", "content": "world", "mode": "0666", "createDirs": true}`,
			`{"filename": "y/z/a", "content": "hello", "mode": "0666", "createDirs": true}`,
		)
		p := &traced{Kind: w.kind, dir: w.dir, scratch: t.TempDir(), made: made}
		s.Kind, s.Fail, s.Old = plugins.New("localfile", schema, p), p.fail, nil
		return s
	})
	// The faults must have had something to bite on.
	if n := len(made); n != 4 {
		t.Errorf("traced %d verbs, want create, update, rename and delete", n)
	}
	for step, of := range made {
		if len(of) < 4 {
			t.Errorf("%s made only %v", step, of)
		}
	}
}

// call is the nth system call of that name that a thread makes: strace counts by thread and by name.
type call struct {
	name string
	nth  int
}

// callsIn are the calls in a log of strace, in order, but for the files that Go's runtime opens.
func callsIn(log []byte, dir string) []call {
	var all []call
	nth := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^(\d+) +(\w+)\(.*$`).FindAllSubmatch(log, -1) {
		thread, name := string(m[1]), string(m[2])
		nth[thread+name]++
		if name != "openat" || bytes.Contains(m[0], []byte(dir)) {
			all = append(all, call{name, nth[thread+name]})
		}
	}
	return all
}

// traced is the plugin, but while a call is to fail its verbs run under strace.
type traced struct {
	plugins.Kind
	dir, scratch string
	// made are the calls that each step makes when nothing fails.
	made map[string][]call

	n    int
	when plugintest.When
	hit  bool
}

func (p *traced) fail(n int, when plugintest.When) func() bool {
	p.n, p.when = n, when
	return func() bool {
		p.n = 0
		return p.hit
	}
}

func (p *traced) take(s step) (json.RawMessage, error) {
	key := s.Verb + string(s.Want) + string(s.Have)
	if p.made[key] == nil {
		rehearsal := filepath.Join(p.scratch, "rehearsal")
		if err := os.CopyFS(rehearsal, os.DirFS(p.dir)); err != nil {
			return nil, err
		}
		log, err := p.strace(s, rehearsal)
		if err != nil {
			return nil, err
		}
		p.made[key] = callsIn(log, rehearsal)
	}
	var err error
	if p.n > len(p.made[key]) {
		_, err = p.strace(s, p.dir)
	} else {
		c := p.made[key][p.n-1]
		effect := "error=EIO"
		if p.when == plugintest.After {
			effect = "signal=KILL"
		}
		var log []byte
		log, err = p.strace(s, p.dir, "-e", fmt.Sprintf("inject=%s:%s:when=%d", c.name, effect, c.nth))
		p.hit = bytes.Contains(log, []byte("(INJECTED)")) || bytes.Contains(log, []byte("killed by SIGKILL"))
		if !p.hit {
			return nil, fmt.Errorf("strace did not meet %s %d:\n%s", c.name, c.nth, log)
		}
	}
	if err != nil || s.Want == nil {
		return nil, err
	}
	return p.Read(context.Background(), s.Want, nil)
}

// strace takes the step in dir and returns the calls that it made, a line each.
func (p *traced) strace(s step, dir string, options ...string) (log []byte, err error) {
	file := filepath.Join(p.scratch, "strace")
	args := append([]string{"-f", "-qq", "-o", file, "-e", "trace=" + calls}, options...)
	child := exec.Command("strace", append(args, os.Args[0])...)
	// The race detector waits a second at the end of a process.
	child.Env = append(os.Environ(), stepsIn+"="+dir, "GORACE=atexit_sleep_ms=0")
	child.Stdin = bytes.NewReader(encode(s))
	words, failed := child.CombinedOutput()
	if log, err = os.ReadFile(file); err != nil {
		return nil, err
	}
	if failed != nil {
		return log, fmt.Errorf("%w: %s", failed, words)
	}
	return log, nil
}

func (p *traced) Create(ctx context.Context, want json.RawMessage) (json.RawMessage, error) {
	if p.n == 0 {
		return p.Kind.Create(ctx, want)
	}
	return p.take(step{Verb: "create", Want: want})
}

func (p *traced) Update(ctx context.Context, want, have, last json.RawMessage) (json.RawMessage, error) {
	if p.n == 0 {
		return p.Kind.Update(ctx, want, have, last)
	}
	return p.take(step{Verb: "update", Want: want, Have: have, Last: last})
}

func (p *traced) Delete(ctx context.Context, have, last json.RawMessage) error {
	if p.n == 0 {
		return p.Kind.Delete(ctx, have, last)
	}
	_, err := p.take(step{Verb: "delete", Have: have, Last: last})
	return err
}

package localfile

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins/plugintest"
)

// step is a verb that the test binary runs when it is started again as a process of its own, to be killed.
type step struct {
	Verb       string          `json:"verb"`
	Want, Have json.RawMessage `json:",omitempty"`
	Last       json.RawMessage `json:",omitempty"`
}

const (
	// livesIn is the variable with the folder of a process that lives on until it is killed.
	livesIn = "LOCALFILE_LIVES_IN"
	// stepsIn is the variable with the folder of a process that takes the one step on its standard input.
	stepsIn = "LOCALFILE_STEPS_IN"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(livesIn); dir != "" {
		exit(live(dir))
	}
	if dir := os.Getenv(stepsIn); dir != "" {
		// What makes the calls is to be one thread, for strace counts by thread.
		runtime.LockOSThread()
		var s step
		err := json.NewDecoder(os.Stdin).Decode(&s)
		if err == nil {
			_, err = s.take(dir)
		}
		exit(err)
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprint(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (s step) take(dir string) (json.RawMessage, error) {
	kind, ctx := New(plugintest.Env(dir)), context.Background()
	switch s.Verb {
	case "create":
		return kind.Create(ctx, s.Want)
	case "update":
		return kind.Update(ctx, s.Want, s.Have, s.Last)
	}
	return nil, kind.Delete(ctx, s.Have, s.Last)
}

// live creates, changes, renames and deletes for ever, and says each step before it takes it.
func live(dir string) error {
	a, b := Options{Filename: "a", Content: "1"}, Options{Filename: "b", Content: "2"}
	changed := Options{Filename: "a", Content: strings.Repeat("3", 1<<12)}
	var have, last json.RawMessage
	out := json.NewEncoder(os.Stdout)
	for {
		for _, s := range []step{
			{Verb: "create", Want: encode(a)},
			{Verb: "update", Want: encode(changed)},
			{Verb: "update", Want: encode(b)},
			{Verb: "update", Want: encode(a)},
			{Verb: "delete"},
		} {
			s.Have, s.Last = have, last
			if err := out.Encode(s); err != nil {
				return err
			}
			r, err := s.take(dir)
			if err != nil {
				return err
			}
			have, last = s.Want, r
		}
	}
}

func TestAKilledProcessLeavesNothingAfterItIsRunAgain(t *testing.T) {
	for steps := 1; steps <= 20; steps++ {
		w := newWorld(t)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), livesIn+"="+w.dir)
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())

		// The kill meets the process somewhere at or after this step; what it still said tells at which.
		lines := bufio.NewReader(out)
		var last []byte
		for range steps {
			last, err = lines.ReadBytes('\n')
			must(t, err)
		}
		must(t, child.Process.Kill())
		for {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF {
				break
			}
			must(t, err)
			last = line
		}
		_ = child.Wait()

		s := decode[step](last)
		if _, err := s.take(w.dir); err != nil {
			t.Fatalf("%s again: %v", last, err)
		}
		if s.Verb == "delete" {
			w.mustHold(t)
			continue
		}
		want := decode[Options](s.Want)
		w.mustHold(t, want.Filename)
		w.mustRead(t, want.Filename, want.Content)
	}
}

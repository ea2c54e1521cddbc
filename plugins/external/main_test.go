package external_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/localfile"
	"github.com/devstream-io/dtm/plugins/plugintest"
	"github.com/devstream-io/dtm/plugins/protocol"
	"github.com/devstream-io/dtm/plugins/serve"
)

// hostsIn is the variable with the folder of a process that has a host, until it is killed.
const hostsIn = "EXTERNAL_HOSTS_IN"

// TestMain makes the test binary each plugin that the tests start, by its first argument.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(hostsIn) != "":
		hostUntilKilled()
		return
	case os.Getenv(protocol.CookieName) == "":
		os.Exit(m.Run())
	}
	switch name := os.Args[1]; name {
	case "localfile":
		serve.Main("0.7.0", localfile.New)
	case "shelf":
		serve.Main("0.1.0", newShelf)
	case "odd":
		serve.Main("", newOdd)
	case "plain":
		serve.Main("", newPlain)
	default:
		strange(name)
	}
}

// program is the test binary as a plugin.
func program(t testing.TB, name, schema string) external.Installed {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return external.Installed{
		Name: name, Version: "0.1.0", Dir: t.TempDir(), Command: []string{self, name}, Env: []string{"GORACE"}, Schema: schema,
	}
}

// newHost is a host that leaves no process behind.
func newHost(t testing.TB, o external.Options) *external.Host {
	if o.Env.Getenv == nil {
		o.Env = plugintest.Env(t.TempDir())
	}
	inner := o.Env.Getenv
	o.Env.Getenv = func(name string) string {
		if name == "GORACE" {
			return "atexit_sleep_ms=0" // the race detector waits a second at the end of a process
		}
		return inner(name)
	}
	h := external.New(o)
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func localfileInstalled(t testing.TB) external.Installed {
	return program(t, "localfile", localfile.New(plugins.Env{}).Schema)
}

// shortDir is a folder whose path is short enough for sockets in it.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/tmp", "x")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// journal is a log that tests wait for.
type journal struct {
	mu  sync.Mutex
	all bytes.Buffer
	// more is closed and made anew with each line.
	more chan struct{}
}

func newJournal() (*journal, zerolog.Logger) {
	j := &journal{more: make(chan struct{})}
	return j, zerolog.New(j)
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.more)
	j.more = make(chan struct{})
	return j.all.Write(line)
}

func (j *journal) text() (string, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all.String(), j.more
}

// entries are the lines so far.
func (j *journal) entries(t testing.TB) []map[string]any {
	text, _ := j.text()
	var all []map[string]any
	for dec := json.NewDecoder(bytes.NewReader([]byte(text))); dec.More(); {
		var entry map[string]any
		if err := dec.Decode(&entry); err != nil {
			t.Fatal(err)
		}
		all = append(all, entry)
	}
	return all
}

// entry waits for a line of the log.
func (j *journal) entry(t testing.TB, which func(map[string]any) bool) map[string]any {
	t.Helper()
	late := time.After(soon)
	for {
		text, more := j.text()
		all := j.entries(t)
		if n := slices.IndexFunc(all, which); n >= 0 {
			return all[n]
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("no such line in the log after %v:\n%s", soon, text)
		}
	}
}

// soon is far longer than anything here takes, on the slowest machine.
const soon = 30 * time.Second

func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func decode[T any](t testing.TB, data json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hostUntilKilled is a dtm with a plugin, whose id it says before it begins something without an end.
func hostUntilKilled() {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	env := plugintest.Env(os.Getenv(hostsIn))
	env.Getenv = func(string) string { return os.Getenv(hostsIn) } // TMPDIR
	host := external.New(external.Options{Env: env})
	kind := host.Kind(external.Installed{
		Name: "odd", Dir: os.Getenv(hostsIn), Command: []string{self, "odd"}, Schema: oddSchema, Precious: true,
	})
	r, err := kind.Read(context.Background(), encode(order{Do: "nothing"}), nil)
	if err != nil {
		panic(err)
	}
	var made done
	if err := json.Unmarshal(r, &made); err != nil {
		panic(err)
	}
	fmt.Println(made.PID)
	_, err = kind.Create(context.Background(), encode(order{Do: os.Getenv("EXTERNAL_DOES")}))
	panic(err)
}

// begin calls a Create that has no end and returns when it has begun.
func begin(t testing.TB, ctx context.Context, kind plugins.Kind, o order) (ended <-chan error) {
	t.Helper()
	ctx, begun := until(ctx, "begun")
	end := make(chan error, 1)
	go func() {
		_, err := kind.Create(ctx, encode(o))
		end <- err
	}()
	select {
	case <-begun:
	case err := <-end:
		t.Fatalf("%s ended before it had begun: %v", o.Do, err)
	}
	return end
}

// ends waits for the error of a verb that begin has begun.
func ends(t testing.TB, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		if err == nil {
			t.Fatal("no error")
		}
		return err
	case <-time.After(soon):
		t.Fatalf("the verb has not ended after %v", soon)
		return nil
	}
}

// eventually waits until something is as it is to be.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(soon); !is(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v until %s", soon, what)
		}
	}
}

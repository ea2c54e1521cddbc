package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
)

// hangs is a plugin that heeds nothing: its Create goes on for ever.
type hangs struct{}

type hangingOptions struct {
	Filename   string `json:"filename"`
	Content    string `json:"content"`
	Mode       string `json:"mode"`
	CreateDirs bool   `json:"createDirs"`
}

func (hangs) Create(context.Context, hangingOptions) (struct{}, error) { select {} }

func (hangs) Read(context.Context, hangingOptions, struct{}) (struct{}, error) {
	return struct{}{}, plugins.ErrNotFound
}

func (hangs) Update(context.Context, hangingOptions, hangingOptions, struct{}) (struct{}, error) {
	select {}
}

func (hangs) Delete(context.Context, hangingOptions, struct{}) error { select {} }

// hangingMain is `dtm apply -y` with a localfile that hangs.
func hangingMain() {
	ctx, cancel := context.WithCancel(zerolog.Nop().WithContext(context.Background()))
	defer cancel()
	a := &app{plugins: all.Set, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, screen: ui.NewScreen(os.Stderr, false), stop: make(chan struct{})}
	a.handleSignals(cancel)
	p, err := a.open(ctx, &configFlags{}, 2)
	if err == nil {
		kind := p.engine.Plugins["localfile"]
		p.engine.Plugins = plugins.Set{"localfile": plugins.New("localfile", kind.Schema, hangs{})}
		r := runner{app: a, name: "Apply", flags: runFlags{Yes: true, Parallel: 2}}
		err = r.carryOut(ctx, p, func(p *project, _ *store.State) (*schema.Config, engine.PlanOptions, error) {
			return p.config, engine.PlanOptions{}, nil
		})
	}
	a.screen.Error("It has ended", err)
	os.Exit(exitError)
}

func TestTheThirdInterruptEndsDtmWhereItStandsAndTheJournalIsTrue(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			manyFiles(t, dir, 1)
			cmd := dtm(t, dir)
			if cmd.Path, cmd.Err = exec.LookPath("dtm-that-hangs"); cmd.Err != nil {
				t.Fatal(cmd.Err)
			}
			cmd.Args[0] = "dtm-that-hangs"
			words, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(words)
			// Each step is taken when the one before it was heard of.
			for _, want := range []string{
				"Processing: (localfile/t0) -> Create ...",
				"Interrupted. What runs is finished, nothing more is begun; interrupt again to cancel it.",
				"Interrupted again. What runs is cancelled; a third interrupt exits at once.",
			} {
				for lines.Scan() && !strings.Contains(lines.Text(), want) {
				}
				if !strings.Contains(lines.Text(), want) {
					t.Fatalf("it never said %q: %v", want, lines.Err())
				}
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			rest, err := io.ReadAll(words)
			if err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
				t.Fatalf("it ended with %v\n%s", err, rest)
			}
			state, err := bolt.New(filepath.Join(dir, "devstream.state"), bolt.Options{}).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if tool := state.Tools["localfile.t0"]; tool == nil || tool.Exists || tool.Doubt == nil {
				t.Errorf("the journal says %+v", tool)
			}
			if out, code := runDTM(t, dir, "apply", "-y"); code != 0 || !strings.Contains(out, "1 created, 0 updated") {
				t.Errorf("the next apply ended with %d:\n%s", code, out)
			}
			if out, code := runDTM(t, dir, "verify"); code != 0 {
				t.Errorf("verify ended with %d:\n%s", code, out)
			}
		})
	}
}

func TestAReaderOfTheEventsThatGoesDoesNotEndTheRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const tools = 300
	manyFiles(t, dir, tools)
	cmd := dtm(t, dir, "apply", "-y", "--json", "--events", "events")
	var words strings.Builder
	cmd.Stderr = &words
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReaderSize(stdout, 16).ReadByte(); err != nil {
		t.Fatal(err)
	}
	if err := stdout.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("it ended with %v\n%s", err, words.String())
	}
	if want := "The events on standard output are not complete: "; !strings.Contains(words.String(), want) {
		t.Errorf("it did not say %q:\n%s", want, words.String())
	}
	if strings.Contains(words.String(), "The events in events") {
		t.Errorf("the other events are not complete:\n%s", words.String())
	}
	if files := filesIn(t, dir, "f*.txt"); len(files) != tools {
		t.Errorf("there are %d files", len(files))
	}
	text, err := os.ReadFile(filepath.Join(dir, "events"))
	if err != nil {
		t.Fatal(err)
	}
	finished := 0
	for line := range strings.Lines(string(text)) {
		var ev struct{ Type string }
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatal(err)
		}
		if ev.Type == "finished" {
			finished++
		}
	}
	if finished != tools {
		t.Errorf("the file has the end of %d tools", finished)
	}
}

func TestAnInterruptedInitInstallsNothing(t *testing.T) {
	t.Parallel()
	asked, over := make(chan struct{}), make(chan struct{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}))
	defer server.Close()
	defer close(over)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.yaml"), "plugins: {greeting: {source: "+server.URL+"/greeting.tar.gz}}\ntools: []\n")
	cmd := dtm(t, dir, "init")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(said.String(), "Init failed: interrupted") {
		t.Errorf("it ended with %v\n%s", err, &said)
	}
	for _, file := range []string{"dtm.lock", ".devstream/plugins/greeting"} {
		if _, err := os.Stat(filepath.Join(dir, file)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

package develop

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/external"
	"github.com/devstream-io/dtm/plugins/plugintest"
	"github.com/devstream-io/dtm/plugins/registry"
)

const example = "../../../examples/plugins/symlink"

func TestTheExampleInPythonIsValid(t *testing.T) {
	t.Parallel()
	if r := validate(t, example); len(r.Wrong) > 0 {
		t.Error(told(r))
	}
}

// TestTheExampleInPythonKeepsThePromise runs the suite of the plugins that are built in against its process. There is one,
// and so one folder, which is emptied for each world.
func TestTheExampleInPythonKeepsThePromise(t *testing.T) {
	t.Parallel()
	world := t.TempDir()
	kind := exampleIn(t, world)
	at := filepath.Join(world, "current")
	plugintest.Run(t, func(t *testing.T) plugintest.Subject {
		for name := range tree(t, world) {
			if err := os.RemoveAll(filepath.Join(world, name)); err != nil {
				t.Fatal(err)
			}
		}
		return plugintest.Subject{
			Kind:    kind,
			Want:    json.RawMessage(`{"path": "current", "target": "releases/1"}`),
			Changed: json.RawMessage(`{"path": "current", "target": "releases/2"}`),
			Renamed: json.RawMessage(`{"path": "deep/er/current", "target": "releases/1"}`),
			Others: []json.RawMessage{
				json.RawMessage(`{"path": "a", "target": "x"}`), json.RawMessage(`{"path": "b", "target": "y"}`),
				json.RawMessage(`{"path": "c", "target": "z"}`),
			},
			Drift:  func() error { return errors.Join(os.Remove(at), os.Symlink("elsewhere", at)) },
			Remove: func() error { return os.Remove(at) },
			Exists: func(options json.RawMessage) (bool, error) {
				var o struct{ Path, Target string }
				if err := json.Unmarshal(options, &o); err != nil {
					return false, err
				}
				target, err := os.Readlink(filepath.Join(world, o.Path))
				if errors.Is(err, fs.ErrNotExist) {
					return false, nil
				}
				return target == o.Target, err
			},
			Leftovers: func() ([]string, error) {
				var links []string
				err := filepath.WalkDir(world, func(path string, d fs.DirEntry, err error) error {
					if err == nil && !d.IsDir() {
						links = append(links, path)
					}
					return err
				})
				return links, err
			},
		}
	})
}

func TestTheExampleInPythonSaysWhatItRefuses(t *testing.T) {
	t.Parallel()
	world := t.TempDir()
	kind := exampleIn(t, world)
	put(t, filepath.Join(world, "file"), "mine")
	_, err := kind.Create(t.Context(), json.RawMessage(`{"path": "file", "target": "x"}`))
	mustSay(t, err, "it is not a symbolic link")
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "choose another path") {
		t.Errorf("the hint is lost: %v", err)
	}
	mustSay(t, kind.Validate(t.Context(), json.RawMessage(`{"path": "a", "target": "./a"}`)), "would point to itself")
	identity, err := kind.Identity(t.Context(), json.RawMessage(`{"path": "x/../a", "target": "b"}`))
	if err != nil || identity != filepath.Join(world, "a") {
		t.Errorf("the identity is %q, %v", identity, err)
	}
}

// exampleIn is the example, run for the folder world.
func exampleIn(t *testing.T, world string) plugins.Kind { return kindIn(t, example, world) }

// kindIn is the plugin in the folder dir, run for the folder world until the test ends.
func kindIn(t *testing.T, dir, world string) plugins.Kind {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := registry.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "schema.cue"))
	if err != nil {
		t.Fatal(err)
	}
	host := external.New(external.Options{Env: plugintest.Env(world), LookPath: tools(t).LookPath})
	t.Cleanup(func() {
		if err := host.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return host.Kind(external.Installed{Name: m.Name, Version: m.Version, Dir: dir, Command: m.Command, Schema: string(text)})
}

// TestAPluginInPythonBehindItsHost looks at what only shows in the midst of a verb: a cancel, a deadline, a crash.
func TestAPluginInPythonBehindItsHost(t *testing.T) {
	t.Parallel()
	dir := create(t, Python)
	text := tree(t, dir)["plugin.py"]
	const begin = "        call.report(f\"writing {path}\")\n"
	if !strings.Contains(text, begin) {
		t.Fatal("plugin.py does not report")
	}
	put(t, filepath.Join(dir, "plugin.py"), strings.Replace(text, begin, begin+
		"        call.conceal('hunter-two')\n"+
		"        if want['content'] == 'wait': call.wait(600)\n"+
		"        if want['content'] == 'crash': print('so long', flush=True); import os; os._exit(3)\n"+
		"        if want['content'] == 'tell': raise dtm_plugin.Retryable('busy with hunter-two', after=2)\n", 1))
	kind := kindIn(t, dir, t.TempDir())
	wants := func(content string) json.RawMessage {
		return json.RawMessage(`{"filename": "a.txt", "content": "` + content + `"}`)
	}

	ctx, cancel := context.WithCancel(t.Context())
	_, err := kind.Create(plugins.WithReport(ctx, func(string) { cancel() }), wants("wait"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, it says %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err = kind.Create(ctx, wants("wait")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its time, it says %v", err)
	}

	var secrets []string
	_, err = kind.Create(plugins.WithConceal(t.Context(), func(s string) { secrets = append(secrets, s) }), wants("tell"))
	if after, ok := plugins.RetryAfter(err); !ok || after != 2*time.Second || len(secrets) != 1 {
		t.Errorf("it says %v, again after %v (%t), with the secrets %q", err, after, ok, secrets)
	}

	_, err = kind.Create(t.Context(), wants("crash"))
	mustSay(t, err, "my-tool")
	mustSay(t, err, "exit status 3")
	mustSay(t, err, "so long")
	if _, err := kind.Create(t.Context(), wants("well")); err != nil {
		t.Errorf("started anew, it says %v", err)
	}
}

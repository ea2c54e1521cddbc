package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/all"
)

// safe is a plugin that is full of secrets and says all of them whenever the variable SAFE_FAILS names the verb.
type safe struct{ env plugins.Env }

const safeCUE = `package safe

#Options: {
	// The name.
	name!: string
	// A secret.
	token?: !~"^BAD" @secret()
	// A note.
	note?: string
	// Secrets in a list.
	keys?: [...{id!: string, secret?: string @secret()}]
	// Secrets in a map.
	vault?: {[string]: string @secret()}
	// Everything in it is secret.
	deep?: {...} @secret()
	// A number.
	count?: int & <10
}

#Outputs: {
	// The name.
	name: string
}

#Sample: #Options & {name: "a"}
`

type safeOptions struct {
	Name  string `json:"name"`
	Token string `json:"token,omitempty"`
	Note  string `json:"note,omitempty"`
	Keys  []struct {
		ID     string `json:"id"`
		Secret string `json:"secret,omitempty"`
	} `json:"keys,omitempty"`
	Vault map[string]string `json:"vault,omitempty"`
	Deep  map[string]any    `json:"deep,omitempty"`
	Count int               `json:"count,omitempty"`
}

type safeResource struct {
	Name    string            `json:"name"`
	Outputs map[string]string `json:"outputs"`
}

func (s safe) path(name string) string { return filepath.Join(s.env.Dir, "safe-"+name) }

func (s safe) fails(verb string, o safeOptions) error {
	said := fmt.Errorf("%s was refused: token %s, note %s, keys %v, vault %v, deep %v", verb, o.Token, o.Note, o.Keys, o.Vault, o.Deep)
	switch s.env.Getenv("SAFE_FAILS") {
	case verb:
		return said
	case verb + " again":
		return plugins.Retryable(said, 0)
	case verb + " panics":
		panic(said.Error())
	}
	return nil
}

// secrets are all that must not be seen of some options.
func (o safeOptions) secrets() string {
	return fmt.Sprintf("%s %s %v %v %v", o.Token, o.Note, o.Keys, o.Vault, o.Deep)
}

func (s safe) Create(ctx context.Context, want safeOptions) (safeResource, error) {
	plugins.Report(ctx, "locking with "+want.secrets())
	if err := s.fails("create", want); err != nil {
		return safeResource{}, err
	}
	return s.resource(want), os.WriteFile(s.path(want.Name), nil, 0o600)
}

func (s safe) resource(o safeOptions) safeResource {
	return safeResource{Name: o.Name, Outputs: map[string]string{"name": o.Name}}
}

func (s safe) Read(_ context.Context, want safeOptions, _ safeResource) (safeResource, error) {
	if err := s.fails("read", want); err != nil {
		return safeResource{}, err
	}
	if _, err := os.Stat(s.path(want.Name)); err != nil {
		return safeResource{}, plugins.ErrNotFound
	}
	return s.resource(want), nil
}

// Preview says all secrets in all places.
func (s safe) Preview(_ context.Context, want, have safeOptions, _ safeResource) (plugins.Preview, error) {
	if err := s.fails("preview", want); err != nil {
		return plugins.Preview{}, err
	}
	all := want.secrets() + have.secrets()
	return plugins.Preview{
		Settled: []plugins.Fact{{Name: "settled name " + all, Value: "settled value " + all}},
		Parts:   []plugins.Part{{Action: plugins.PartUpdate, Name: "part " + all, Fields: []string{"field " + all}}},
		Notes:   []string{"note " + all},
	}, nil
}

func (s safe) Update(ctx context.Context, want, _ safeOptions, _ safeResource) (safeResource, error) {
	plugins.Report(ctx, "locking anew with "+want.secrets())
	return s.resource(want), s.fails("update", want)
}

func (s safe) Delete(_ context.Context, have safeOptions, _ safeResource) error {
	if err := s.fails("delete", have); err != nil {
		return err
	}
	if err := os.Remove(s.path(have.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// safeMain is dtm with that plugin.
func safeMain() {
	a := newApp()
	a.plugins = func(env plugins.Env) (plugins.Set, error) {
		set, err := all.Set(env)
		if err == nil {
			set["safe"] = plugins.New("safe", safeCUE, safe{env})
		}
		return set, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	os.Exit(a.execute(ctx))
}

// A configuration full of canaries goes through every command and every error, and nothing that was written has one.
func TestNoSecretIsEverWritten(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"in clear":  "state: {backend: local, options: {stateFile: devstream.state}}\n",
		"encrypted": "state: {backend: local, options: {stateFile: devstream.state}, encryption: {recipients: [age14pae0j77hn0pp4t9qgvzqpvpxt2x0at07n7tsjvvj0st8m25wu6s42js59]}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "encrypted" {
				t.Skip("takes long with -race")
			}
			c := &canaries{T: t, dir: t.TempDir()}
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				c.note("traces: " + string(body))
			}))
			defer collector.Close()
			c.env = []string{
				"CANARY_TOKEN=CANARY-env-1", "CANARY_NOTE=CANARY-env-2", "DTM_STATE_PASSPHRASE=CANARY-pass",
				"DTM_AGE_IDENTITY=AGE-SECRET-KEY-1PPATMG4UNT2RARJTXM9EG9LC8PD6TNDER4PJCFFW8FHSDCSVE39SYVX20D",
				"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL,
			}
			c.everything(state)
			collector.Close() // nothing more comes
			c.look()
		})
	}
}

type canaries struct {
	*testing.T
	dir string
	env []string

	mu   sync.Mutex
	said []string
}

// note keeps what was said.
func (c *canaries) note(said string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, said)
}

// config has secrets of every kind; version makes them others.
func (c *canaries) config(state string, version int) {
	writeFile(c.T, filepath.Join(c.dir, "config.yaml"), state+fmt.Sprintf(`tools:
- name: safe
  instanceID: a
  lifecycle: {retries: 1, backoff: 1ms}
  options:
    name: a
    token: CANARY-literal-%[1]d
    note: "by ${{ env.CANARY_NOTE }}"
    keys: [{id: x, secret: CANARY-list-%[1]d}, {id: y, secret: "${{ env.CANARY_TOKEN }}"}]
    vault: {x: CANARY-map-%[1]d, y: "${{ env.CANARY_TOKEN }}"}
    deep: {er: {est: CANARY-deep-%[1]d}, n: 1234567%[1]d}
- {name: safe, instanceID: b, dependsOn: [safe.a], options: {name: b, token: "${{ env.CANARY_TOKEN }}", note: "${{ safe.a.outputs.name }}"}}
- {name: localfile, instanceID: f, options: {filename: world.txt, content: "${{ env.CANARY_NOTE }}"}}
`, version))
}

// run runs dtm, with variables in front of the words, and keeps what it says.
func (c *canaries) run(line string) string {
	c.Helper()
	words := strings.Fields(line)
	cmd := exec.Command("dtm-with-a-safe")
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	for len(words) > 0 && strings.Contains(words[0], "=") {
		cmd.Env = append(cmd.Env, strings.NewReplacer("_again", " again", "_panics", " panics").Replace(words[0]))
		words = words[1:]
	}
	cmd.Args = append(cmd.Args, words...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	c.note(words[0] + " …\n" + string(out))
	return string(out)
}

func (c *canaries) everything(state string) {
	c.Helper()
	c.config(state, 1)
	for _, line := range []string{
		"validate", "plan", "SAFE_FAILS=preview plan", "SAFE_FAILS=preview_panics plan -o json", "plan -o json", "plan --out p.json", "graph", "SAFE_FAILS=create apply -y",
		"SAFE_FAILS=create_again apply -y --events e0.json", "plan", "plan -o json", "SAFE_FAILS=create_panics --debug apply -y",
		"show status", "state list -l", "history show latest", "apply p.json", "plan --out p.json", "apply p.json --events e1.json",
		"--debug plan", "show status", "show config -p safe", "state pull", "state show safe.a", "drift", "drift -o json",
		"SAFE_FAILS=read plan", "SAFE_FAILS=read verify", "SAFE_FAILS=read drift", "SAFE_FAILS=read_again show status",
		"CANARY_TOKEN=CANARY-env-9 plan -o json", "CANARY_TOKEN= plan",
	} {
		c.run(line)
	}
	c.config(state, 2)
	for _, line := range []string{
		"plan", "plan -o json", "graph -o json", "SAFE_FAILS=update apply -y --json", "SAFE_FAILS=update_again apply -y", "plan -o json",
		"state pull", "--debug apply -y --events e2.json -m because", "history", "history -o json", "history show latest -o json",
		"history diff 20", "plan --refresh-only", "apply -y --refresh-only", "plan --target safe.*",
	} {
		c.run(line)
	}
	first := strings.Fields(c.run("history -n 99"))
	oldest := first[len(first)-1]
	for _, word := range first {
		if strings.Contains(word, "-") && strings.HasPrefix(word, "20") && len(word) > 20 {
			oldest = word
		}
	}
	pulled := c.run("state pull")
	writeFile(c.T, filepath.Join(c.dir, "pulled.json"), pulled)
	// Somebody puts a secret back.
	spoilt := strings.ReplaceAll(pulled, `"token": "(secret)"`, `"token": "CANARY-spoilt"`)
	writeFile(c.T, filepath.Join(c.dir, "spoilt.json"), spoilt)
	if spoilt == pulled {
		c.Errorf("there is no secret to spoil:\n%s", pulled)
	}
	for _, line := range []string{
		"rollback -y --to " + oldest, "history diff " + oldest, "history diff -o json " + oldest, "forget -y safe.b", "adopt safe.b",
		"state push --force -y pulled.json", "state push --force -y spoilt.json", "state show safe.a", "state mv safe.b safe.c", "state mv safe.c safe.b", "state rekey", "state rekey --decrypt",
		"state lock", "state unlock --id CANARX", "apply -y", "SAFE_FAILS=delete delete -y", "SAFE_FAILS=delete_again destroy -y --json",
		"SAFE_FAILS=delete_panics destroy -y", "destroy -y --events e3.json", "history -o json",
	} {
		c.run(line)
	}
	// What DevStream has recorded in clear is not recorded again.
	if err := os.Remove(filepath.Join(c.dir, "devstream.state")); err != nil {
		c.Fatal(err)
	}
	writeFile(c.T, filepath.Join(c.dir, "devstream.state"), `safe_a:
  name: safe
  instanceid: a
  dependson: []
  options: {name: a, token: CANARY-old, keys: [{id: x, secret: CANARY-old}], vault: {x: CANARY-old}, deep: {n: CANARY-old}, note: none}
  resource: {name: a, outputs: {name: a}}
`)
	if out := c.run("state list -l"); !strings.Contains(out, "taken over from DevStream") {
		c.Errorf("it was not taken over:\n%s", out)
	}
	for _, line := range []string{"plan", "plan -o json", "show status", "state pull", "apply -y", "history show -o json latest", "destroy -y"} {
		c.run(line)
	}
	if err := os.Remove(filepath.Join(c.dir, "devstream.state.bak")); err != nil {
		c.Fatal(err)
	}
	// What does not fit the schema is told by its place.
	for i, bad := range []string{
		"{name: a, token: BADCANARY}", "{name: a, token: [CANARY-x]}", "{name: a, vault: CANARY-x}", "{name: a, keys: [{id: x, secret: 1CANARY, more: CANARY-y}]}",
		"{name: a, deep: CANARY-x}", "{name: a, vault: {x: [CANARY-z]}}", "{name: a, token: \"CANARY ${{ env.NOT_SET }}\"}", "{name: a, token: \"CANARY ${{ broken\"}",
	} {
		file := fmt.Sprintf("bad%d.yaml", i)
		writeFile(c.T, filepath.Join(c.dir, file), state+"tools:\n- {name: safe, instanceID: a, options: "+bad+"}\n")
		out := c.run("plan -f " + file)
		if !strings.Contains(out, "Plan failed") {
			c.Errorf("%s is no mistake:\n%s", bad, out)
		}
	}
	writeFile(c.T, filepath.Join(c.dir, "bad.cue"), `package toolchain

import "devstream.io/dtm/schema"

schema.#Toolchain

tools: safe: a: options: {name: "a", token: "BADCANARY", deep: "CANARY-x", vault: x: ["CANARY-y"]}
tools: safe: b: options: {name: "b", token: string @tag(token)}
`)
	c.run("plan -f bad.cue -t token=CANARY-tag")
	c.run("apply -y -f bad.cue --tag token=CANARY-tag")
}

// look looks for canaries in everything that was said or written.
func (c *canaries) look() {
	c.Helper()
	texts := map[string]string{}
	for i, said := range c.said {
		texts[fmt.Sprintf("what was said (%d)", i)] = said
	}
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		if err != nil || d.IsDir() || name == "world.txt" || name == "config.yaml" || name == "spoilt.json" || strings.HasPrefix(name, "bad") {
			return err
		}
		data, err := os.ReadFile(path)
		texts[name] = string(data)
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	for what, text := range texts {
		for _, canary := range []string{"CANARY-", "BADCANARY", "1CANARY", "12345671", "12345672", "AGE-SECRET-KEY"} {
			if i := strings.Index(text, canary); i >= 0 {
				c.Errorf("a secret is in %s:\n%s", what, text[max(0, i-400):min(len(text), i+60)])
				break
			}
		}
	}
	for _, name := range []string{"devstream.state", "e0.json", "e1.json", "e2.json", "e3.json", "p.json", "pulled.json"} {
		if texts[name] == "" {
			c.Errorf("%s was not written", name)
		}
	}
	all := strings.Join(c.said, "\n")
	for _, want := range []string{
		"(secret)", "was refused", "panicked in create", "panicked in delete", "traces: ", "try 2", "preview was refused", "panicked in preview",
		"settled value", "part (secret)", "note (secret)", "locking with (secret)", "locking anew with (secret)",
	} {
		if !strings.Contains(all, want) {
			c.Errorf("nothing says %q", want)
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// toy is one of the plugins that the transcripts were made with: nothing ever happens to what it manages, and its resource
// has the shape that it had in DevStream.
func toy(name string) plugins.Kind {
	const text = `

// What you ask for.
#Options: {
	// The file.
	filename!: string
	// What is in it.
	content?: string
	// What others may refer to.
	outs?: {[string]: _}
	// Something deeper.
	nested?: {[string]: _}
	// A number.
	f?: number
	// For tests.
	typed?: bool
	failCreate?: bool
	falseDelete?: bool
	sleep?: int
}

// What others may refer to.
#Outputs: {
	// One.
	path: _
	// Another.
	other: string
}

#Sample: #Options & {filename: "a"}
`
	refused := func() (json.RawMessage, error) { return nil, fmt.Errorf("%s: nothing is to be done", name) }
	return plugins.Of(name, "package toy"+text, plugins.Verbs{
		Create: func(context.Context, json.RawMessage) (json.RawMessage, error) { return refused() },
		Read:   func(_ context.Context, _, last json.RawMessage) (json.RawMessage, error) { return last, nil },
		Update: func(context.Context, json.RawMessage, json.RawMessage, json.RawMessage) (json.RawMessage, error) {
			return refused()
		},
		Delete:  func(context.Context, json.RawMessage, json.RawMessage) error { return nil },
		Succeed: func(_ context.Context, _, old json.RawMessage) (json.RawMessage, error) { return old, nil },
	})
}

// Every state in the transcripts is planned with the configuration that DevStream made it of. What is there says what each
// transcript shows: but for outputs that DevStream had left stale, nothing is updated and nothing deleted.
func TestNoStateOfTheTranscriptsIsChangedByBeingTakenOver(t *testing.T) {
	golden := filepath.Join("..", "..", "..", "shared", "reference", "golden")
	_, err := os.Stat(golden)
	parts.Need(t, err == nil, "the transcripts of the reference are not there: %v", err)
	transcripts, err := filepath.Glob(filepath.Join(golden, "*", "transcript.txt"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `01-create-then-noop:  localfile.a  tool-b.b  tool-c.c
02-config-change:  localfile.a
04-resource-gone:  localfile.a
05-removed-from-config:  localfile.a
07-failure-stops-next-batch: +localfile.a  tool-b.ok +tool-c.dep
08-unresolved-output-reports-success: mistake at config.yaml:21:5
09-output-not-string-panics:  localfile.a +tool-b.b
11-stale-output:  localfile.a ~tool-b.b (config drifted from the state, will be updated.)
11-stale-output:  localfile.a  tool-b.b
14-no-validation: mistake at config.yaml:9:15
15-duplicate: mistake at config.yaml:11:3
16-delete: +localfile.a +tool-b.b +tool-c.c
17-destroy: +localfile.a +tool-b.b +tool-c.c
18-delete-false-nil:  localfile.a
21-files:  localfile.a
`
	var got strings.Builder
	for _, path := range transcripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for step := range strings.SplitSeq(string(text), "\n## ") {
			if m := regexp.MustCompile(`^write (\S+) \(see (\S+)\)`).FindStringSubmatch(step); m != nil {
				data, err := os.ReadFile(filepath.Join(filepath.Dir(path), m[2]))
				if err != nil {
					t.Fatal(err)
				}
				writeFile(t, filepath.Join(dir, m[1]), string(data))
			}
			_, rest, ok := strings.Cut(step, "\nstate file:\n")
			if !ok {
				continue
			}
			var recorded strings.Builder
			for line := range strings.Lines(rest) {
				after, indented := strings.CutPrefix(line, "  ")
				if !indented || strings.HasPrefix(after, "<") { // it says that there is nothing in it
					break
				}
				recorded.WriteString(after)
			}
			writeFile(t, filepath.Join(dir, "devstream.state"), recorded.String())
			fmt.Fprintf(&got, "%s: %s\n", filepath.Base(filepath.Dir(path)), planned(t, dir))
		}
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// planned says what is to be done in dir.
func planned(t *testing.T, dir string) string {
	t.Helper()
	set, err := plugins.NewSet(toy("localfile"), toy("tool-b"), toy("tool-c"))
	if err != nil {
		t.Fatal(err)
	}
	loader, err := newLoader(set)
	if err != nil {
		t.Fatal(err)
	}
	src, err := compat.Read(t.Context(), filepath.Join(dir, "config.yaml"))
	if err != nil {
		return mistakes(err, dir)
	}
	config, err := loader.Check(t.Context(), src)
	if err != nil {
		return mistakes(err, dir)
	}
	p := &project{config: config, loader: loader, engine: &engine.Engine{
		Plugins: set, Definition: loader.Definition, LookupEnv: os.LookupEnv, Now: time.Now, Parallel: 1,
	}}
	if err := p.openStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan, err := p.plan(t.Context(), config, engine.PlanOptions{Keep: func(schema.ID) bool { return false }})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range plan.Changes {
		fmt.Fprintf(&b, "%c%s ", c.Action, c.ID)
		if c.Action != engine.NoOp && c.Action != engine.Create {
			fmt.Fprintf(&b, "(%s) ", c.Reason)
		}
	}
	for _, e := range plan.Errors {
		fmt.Fprintf(&b, "!%s: %v ", e.ID, e.Err)
	}
	return strings.TrimRight(b.String(), " ")
}

// mistakes says where the mistakes are.
func mistakes(err error, dir string) string {
	errs, ok := errors.AsType[schema.Errors](err)
	if !ok {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&b, "mistake at %s ", strings.TrimPrefix(e.Pos.String(), dir+"/"))
	}
	return strings.TrimRight(b.String(), " ")
}

func TestNumbersAndNullsAreComparedAsTheyAreMeant(t *testing.T) {
	for _, test := range []struct {
		name, wanted, recorded, want string
		renamed                      bool
	}{
		{name: "1.0 was recorded as 1", wanted: `{"a":[{"f":1.0}]}`, recorded: `{"a":[{"f":1}]}`, want: `{"a":[{"f":1.0}]}`},
		{name: "1e3 was recorded as 1000", wanted: `{"f":1e3}`, recorded: `{"f":1000}`, want: `{"f":1e3}`},
		{name: "another number", wanted: `{"f":1.0}`, recorded: `{"f":2}`, want: `{"f":2}`},
		{name: "large numbers that look the same", wanted: `{"f":9007199254740993}`, recorded: `{"f":9007199254740992}`, want: `{"f":9007199254740992}`},
		{name: "a number too large", wanted: `{"f":1e999999999}`, recorded: `{"f":1e999999998}`, want: `{"f":1e999999998}`},
		{name: "a number is no text", wanted: `{"f":"1"}`, recorded: `{"f":1}`, want: `{"f":1}`},
		{name: "no value", wanted: `{"a":false}`, recorded: `{"a":null,"b":null}`, want: `{}`},
		{name: "null on purpose", wanted: `{"a":null}`, recorded: `{"a":null}`, want: `{"a":null}`},
		{name: "text stays", wanted: `{}`, recorded: `{"a":"<$${{ x }}>"}`, want: `{"a":"<$${{ x }}>"}`},
		{name: "the name of a variable", wanted: `{"r":{"tokenEnv":"T","x":1}}`, recorded: `{"r":{}}`, want: `{"r":{"tokenEnv":"T"}}`, renamed: true},
		{name: "what only sounds like one", wanted: `{"r":{"tokenEnv":"T","values":{"extraEnv":"x"}}}`, recorded: `{"r":{"values":{}}}`, want: `{"r":{"tokenEnv":"T","values":{}}}`, renamed: true},
		{name: "the name of a variable that is new", wanted: `{"r":{"tokenEnv":"T"}}`, recorded: `{"r":{}}`, want: `{"r":{}}`},
	} {
		def := &schema.Definition{Options: []schema.FieldDefinition{{Name: "r", Fields: []schema.FieldDefinition{
			{Name: "tokenEnv"}, {Name: "values", Fields: []schema.FieldDefinition{{Name: "*"}}},
		}}}}
		got, err := inWordsOf(json.RawMessage(test.wanted), json.RawMessage(test.recorded), variablesOf(def, test.renamed))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %s %v, want %s", test.name, got, err, test.want)
		}
	}
}

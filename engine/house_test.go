package engine

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/mem"
)

var testLoader = sync.OnceValue(func() *schema.Loader {
	var list []schema.PluginSchema
	for _, name := range []string{"thing", "named", "heir", "seer", "picky"} {
		list = append(list, schema.PluginSchema{Name: name, CUE: "package " + name + "\n" + optionsCUE})
	}
	l, err := schema.NewLoader(list)
	if err != nil {
		panic(err)
	}
	return l
})

// house is an engine with a world to change and a store to remember it.
type house struct {
	*testing.T
	*world
	engine *Engine
	store  store.Store
	env    map[string]string
	// opt are for every apply, planned for every plan.
	opt     ApplyOptions
	planned PlanOptions
	// events are those of the last apply.
	events []Event
}

func newHouse(t *testing.T) *house {
	h := &house{T: t, world: newWorld(), store: mem.New(), env: map[string]string{}}
	set, err := plugins.NewSet(
		plugins.New("thing", optionsCUE, maker{h.world}),
		plugins.New("named", optionsCUE, named{maker{h.world}}),
		plugins.New("heir", optionsCUE, heir{maker{h.world}}),
		plugins.New("seer", optionsCUE, seer{maker{h.world}}),
		plugins.New("picky", optionsCUE, picky{maker{h.world}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var mu sync.Mutex
	h.engine = &Engine{
		Plugins:    set,
		Definition: testLoader().Definition,
		LookupEnv:  func(name string) (string, bool) { v, ok := h.env[name]; return v, ok },
		Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(time.Millisecond)
			return now
		},
		Emit:     func(ev Event) { h.events = append(h.events, ev) },
		Parallel: 1,
	}
	h.opt.Holder = store.Holder{User: "u", Host: "h", PID: 1, Command: "dtm apply"}
	return h
}

var shortReference = regexp.MustCompile(`@([a-z0-9]+)\.([A-Za-z_.0-9]+)`)

// toolchain reads tools, one a line: "b value=@a.url zone=there <c,d" is thing.b, whose name is b, with a value that is
// the output url of thing.a, and which depends on c and d. @env.X is a variable; a full ID is another plugin's.
func toolchain(text string) *schema.Config {
	config := &schema.Config{Digest: "digest"}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		t := schema.Tool{ID: toolID(words[0]), Lifecycle: schema.DefaultLifecycle(), Pos: schema.Pos{File: "dtm.cue", Line: len(config.Tools) + 1}}
		options := map[string]any{"name": t.ID.Instance(), "value": "", "zone": "here"}
		for _, word := range words[1:] {
			if needs, ok := strings.CutPrefix(word, "<"); ok {
				for need := range strings.SplitSeq(needs, ",") {
					t.DependsOn = append(t.DependsOn, toolID(need))
				}
				continue
			}
			key, value, _ := strings.Cut(word, "=")
			value = shortReference.ReplaceAllStringFunc(value, func(s string) string {
				if strings.HasPrefix(s, "@env.") {
					return "${{ " + s[1:] + " }}"
				}
				m := shortReference.FindStringSubmatch(s)
				return "${{ thing." + m[1] + ".outputs." + m[2] + " }}"
			})
			options[key] = value
			if strings.HasPrefix(value, "[") || strings.HasPrefix(value, "{") {
				options[key] = json.RawMessage(value)
			}
		}
		t.Options = mustJSON(options)
		tree, err := decodeTree(t.Options)
		if err != nil {
			panic(err)
		}
		_, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
			s, _ := v.(string)
			parts, err := schema.SplitReferences(s)
			for _, p := range parts {
				if p.Ref != nil {
					p.Ref.Path = dotted("options", path)
					t.References = append(t.References, *p.Ref)
				}
			}
			return v, false, err
		})
		if err != nil {
			panic(err)
		}
		config.Tools = append(config.Tools, t)
	}
	return config
}

func toolID(s string) schema.ID {
	if strings.Contains(s, ".") {
		return schema.ID(s)
	}
	return schema.ID("thing." + s)
}

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	tree, err := decodeTree(raw)
	if err != nil {
		panic(err)
	}
	canonical, err := encodeTree(tree)
	if err != nil {
		panic(err)
	}
	return canonical
}

func (h *house) state() *store.State {
	h.Helper()
	state, err := h.store.Load(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	return state
}

func (h *house) plan(config string) *Plan {
	h.Helper()
	p, err := h.engine.Plan(h.Context(), toolchain(config), h.state(), h.planned)
	if err != nil {
		h.Fatal(err)
	}
	return p
}

// try plans and applies. It returns the plan and the error of Apply.
func (h *house) try(config string) (*Plan, error) {
	h.Helper()
	p := h.plan(config)
	h.world.verbs()
	_, err := h.run(h.Context(), p)
	return p, err
}

func (h *house) run(ctx context.Context, p *Plan) (Summary, error) {
	h.events = nil
	return h.engine.Apply(ctx, h.store, p, h.opt)
}

// apply plans and applies, which must succeed. It returns the plan.
func (h *house) apply(config string) *Plan {
	h.Helper()
	p, err := h.try(config)
	if err != nil {
		h.Fatalf("apply: %v\nplan:\n%s", err, planText(p))
	}
	return p
}

// settled checks that nothing is left to do, and that what is recorded is what exists.
func (h *house) settled(config string) {
	h.Helper()
	if p := h.plan(config); !p.Empty() {
		h.Errorf("there is still something to do:\n%s", planText(p))
	}
	h.truth()
}

// truth checks that what is recorded is what exists.
func (h *house) truth() {
	h.Helper()
	state := h.state()
	recorded := map[string]resource{}
	for _, id := range state.IDs() {
		t := state.Tools[id]
		if !t.Exists || t.Doubt != nil {
			h.Errorf("%s is in doubt: %+v", id, t.Doubt)
			continue
		}
		var r resource
		if err := json.Unmarshal(t.Resource, &r); err != nil {
			h.Fatal(err)
		}
		recorded[r.Name] = r
	}
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if diff := cmp.Diff(recorded, h.world.now); diff != "" {
		h.Errorf("the journal is not the world (-recorded +world)\n%s", diff)
	}
}

// journal are all entries of all runs, oldest first.
func (h *house) journal() []store.Entry {
	h.Helper()
	var all []store.Entry
	for run, err := range h.store.Runs(h.Context()) {
		if err != nil {
			h.Fatal(err)
		}
		for e, err := range h.store.Entries(h.Context(), run.ID) {
			if err != nil {
				h.Fatal(err)
			}
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b store.Entry) int { return int(a.Seq) - int(b.Seq) })
	return all
}

package schema

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// loadText loads a toolchain with these lines in it.
func loadText(t *testing.T, l *Loader, lines string) *Config {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "a.cue", "package toolchain\n\nimport \"devstream.io/dtm/schema\"\n\nschema.#Toolchain\n\n"+lines)
	c, err := l.Load(context.Background(), ".", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGoAndCUESayTheSameDefaults(t *testing.T) {
	l := testLoader(t)
	schemas, err := l.build(cuecontext.New(), nil)
	if err != nil {
		t.Fatal(err)
	}
	inCUE, err := lifecycleOf(schemas.LookupPath(cue.ParsePath("#Lifecycle")), DefaultLifecycle())
	if err != nil || !inCUE.Equal(DefaultLifecycle()) {
		t.Errorf("#Lifecycle says %+v (%v), DefaultLifecycle %+v", inCUE, err, DefaultLifecycle())
	}
	c := loadText(t, l, "tools: thing: {a: options: name: \"a\", b: {lifecycle: {}, options: name: \"b\"}}\n")
	for _, tool := range c.Tools {
		if !tool.Lifecycle.Equal(DefaultLifecycle()) {
			t.Errorf("%s has %+v, want %+v", tool.ID, tool.Lifecycle, DefaultLifecycle())
		}
	}
	if c.State.Retention != DefaultRetention {
		t.Errorf("without a word %d runs are kept, want %d", c.State.Retention, DefaultRetention)
	}
	checked, err := l.Check(context.Background(), lines(tool("thing", "a", fields("name", "a"))))
	if err != nil || !checked.Tools[0].Lifecycle.Equal(DefaultLifecycle()) {
		t.Errorf("Check gives %+v (%v)", checked, err)
	}
}

func TestGoAndCUEHaveTheSameFieldsOfLifecycles(t *testing.T) {
	var inGo, inCUE []string
	for i := range reflect.TypeFor[Lifecycle]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Lifecycle]().Field(i).Tag.Get("json"), ",")
		inGo = append(inGo, name)
	}
	for _, f := range testLoader(t).lifecycle() {
		inCUE = append(inCUE, f.Name)
		if f.Doc == "" {
			t.Errorf("%s has no comment", f.Name)
		}
	}
	if !slices.Equal(inGo, inCUE) {
		t.Errorf("Go has %v, CUE %v", inGo, inCUE)
	}
}

func TestEveryFieldCountsForEqualLifecycles(t *testing.T) {
	for i := range reflect.TypeFor[Lifecycle]().NumField() {
		var changed Lifecycle
		switch f := reflect.ValueOf(&changed).Elem().Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"x"}))
		default:
			f.SetInt(1)
		}
		if changed.Equal(Lifecycle{}) {
			t.Errorf("%+v equals the zero one", changed)
		}
	}
	if !(Lifecycle{IgnoreChanges: []string{}}).Equal(Lifecycle{}) {
		t.Error("no paths and none are not equal")
	}
}

func TestCheckTellsMistakesInLifecycles(t *testing.T) {
	good := tool("thing", "good", fields("name", "x"))
	good.Lifecycle = fields("timeout", "90s", "ignoreChanges", Value{Kind: List, Items: []Value{{Kind: String, Text: "count"}}})
	bad := tool("thing", "bad", fields("nam", "x"))
	bad.Lifecycle = fields("timeot", "90s", "backoff", 5, "retries", -1)
	path := tool("thing", "path", fields("name", "x"))
	path.Lifecycle = fields("ignoreChanges", Value{Kind: List, Items: []Value{{Kind: String, Text: "place.cty"}}})
	l := testLoader(t)
	c, err := l.Check(context.Background(), lines(good))
	if err != nil {
		t.Fatal(err)
	}
	want := Lifecycle{Timeout: 90 * time.Second, Retries: 3, Backoff: time.Second, IgnoreChanges: []string{"options.count"}}
	if got := c.Tools[0].Lifecycle; !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wants := strings.TrimPrefix(`
tools.thing.bad.options.name: field is required: expected string & !="": t.yaml:1:4
tools.thing.bad.options.nam: field not allowed; expected one of name, count, token, place, labels, list (did you mean `+"`name`"+`?): t.yaml:1:5
tools.thing.bad.lifecycle.timeot: field not allowed; expected one of timeout, retries, backoff, preventDestroy, keepOnDelete, ignoreChanges (did you mean `+"`timeout`"+`?): t.yaml:1:8
tools.thing.bad.lifecycle.backoff: invalid value 5; expected *"1s" | a duration as in "90s" or "5m": t.yaml:1:10
tools.thing.bad.lifecycle.retries: invalid value -1; expected *3 | (int & >=0): t.yaml:1:12
`, "\n")
	if got := show(l.Check(context.Background(), lines(bad))); got != wants {
		t.Errorf("got\n%s\nwant\n%s", got, wants)
	}
	wants = "tools.thing.path.lifecycle.ignoreChanges[0]: plugin thing has no option \"place.cty\" (did you mean `options.place.city`?): t.yaml:1:10\n"
	if got := show(l.Check(context.Background(), lines(path))); got != wants {
		t.Errorf("got\n%s\nwant\n%s", got, wants)
	}
}

func TestTheDigestKnowsLifecyclesThatAreNotTheDefault(t *testing.T) {
	l := testLoader(t)
	digest := func(lifecycle Value) string {
		b := tool("thing", "b", fields("name", "b", "token", "secret"))
		b.Lifecycle = lifecycle
		c, err := l.Check(context.Background(), lines(tool("localfile", "a", fields("filename", "a", "content", "x"), "thing.b"), b))
		if err != nil {
			t.Fatal(err)
		}
		return c.Digest
	}
	// What the first dtm that had digests made of it, before there were lifecycles.
	const old = "4c91ec6c0bc1d1f488a579a6da3b9535a0f5dd6ac74cacb3b3abf9478a05f0b1"
	for _, same := range []Value{{}, fields(), fields("retries", 3, "backoff", "1000ms", "timeout", "0s")} {
		if got := digest(same); got != old {
			t.Errorf("the digest of a default is %s, want %s", got, old)
		}
	}
	seen := map[string]bool{old: true}
	for _, other := range []Value{fields("retries", 4), fields("timeout", "1s"), fields("ignoreChanges", Value{Kind: List, Items: []Value{{Kind: String, Text: "count"}}})} {
		if d := digest(other); seen[d] {
			t.Errorf("the digest does not follow %v", other)
		} else {
			seen[d] = true
		}
	}
}

// What a path may lead into is told by the schema, as far as it tells anything.
func TestPathsOfIgnoreChangesFollowTheSchema(t *testing.T) {
	const openCUE = "package open\n\n#Options: {\n\tany?: _\n\topen?: {...}\n\tpart: {known: *1 | int, ...}\n\tmap: [string]: {inner?: int}\n\tlist: [...]\n\tclosed: {only: *1 | int}\n}\n\n" +
		"#Outputs: {}\n\n#Sample: #Options\n"
	l, err := NewLoader([]PluginSchema{{Name: "open", CUE: openCUE}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"any.x.y": "options.any.x.y", "open.x": "options.open.x", "options.open": "options.open", "part.known": "options.part.known",
		"part.other": "options.part.other", "map.k": "options.map.k", "map.a.b.inner": "options.map.a.b.inner", "list[1].x": "options.list[1].x",
		"closed.only": "options.closed.only", "closed.none": "", "none": "", "resource.x.2": "resource.x[2]",
	} {
		var mistakes []string
		tool := Tool{ID: "open.a", Lifecycle: Lifecycle{IgnoreChanges: []string{path}}}
		l.ignored(&tool, func(_ []string, msg, hint string) { mistakes = append(mistakes, msg+hint) })
		if got := strings.Join(tool.Lifecycle.IgnoreChanges, " "); got != want || (want == "") != (len(mistakes) == 1) {
			t.Errorf("%s became %q, want %q; %v", path, got, want, mistakes)
		}
	}
}

func TestWhatIsPreciousIsNotDestroyedUnlessThatIsSaid(t *testing.T) {
	l, err := NewLoader([]PluginSchema{{Name: "thing", CUE: thingCUE}, {Name: "vault", CUE: thingCUE, Precious: true}})
	if err != nil {
		t.Fatal(err)
	}
	c := loadText(t, l, `tools: thing: plain: options: name: "a"
tools: vault: {
	unsaid: options: name: "b"
	half: {lifecycle: retries: 1, options: name: "c"}
	loose: {lifecycle: preventDestroy: false, options: name: "d"}
}
`)
	loose := tool("vault", "loose", fields("name", "d"))
	loose.Lifecycle = fields("preventDestroy", Value{Kind: Bool, Text: "false"})
	half := tool("vault", "half", fields("name", "c"))
	half.Lifecycle = fields("retries", 1)
	checked, err := l.Check(context.Background(), lines(tool("thing", "plain", fields("name", "a")), tool("vault", "unsaid", fields("name", "b")), half, loose))
	if err != nil {
		t.Fatal(err)
	}
	want := map[ID]bool{"thing.plain": false, "vault.unsaid": true, "vault.half": true, "vault.loose": false}
	for name, c := range map[string]*Config{"CUE": c, "YAML": checked} {
		for _, tool := range c.Tools {
			if tool.Lifecycle.PreventDestroy != want[tool.ID] {
				t.Errorf("%s: %s has %+v, want preventDestroy %t", name, tool.ID, tool.Lifecycle, want[tool.ID])
			}
		}
	}
	if l.DefaultLifecycle("elsewhere").PreventDestroy {
		t.Error("a plugin that nobody knows is precious")
	}
}

func TestANameIsSpelledOutWithoutItsPackage(t *testing.T) {
	for text, want := range map[string]string{
		"#URL":                           "an address",
		"shared.#URL":                    "an address",
		"string & _shared2.#URL | *\"\"": "string & an address | *\"\"",
		"[...a.#URL] & b.#URL":           "[...an address] & an address",
		"a.#Other":                       "a.#Other",
	} {
		if got := spell(text, "#URL", "an address"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

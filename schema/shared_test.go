package schema

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

const baseCUE = `// Package base is what some plugins share.
package base

#Options: {
	// Where.
	place: {
		// The house.
		house: #House @replace()
		// The key.
		key: *"" | string @secret()
		// What else.
		open: {...}
	}
	// How many.
	count!: int & >0
	// How big.
	size: =~"^[a-z]+$" & !~"x"
	// How long.
	length: "short" | "long"
	// Whether.
	on: bool
}

#Outputs: {
	// The address.
	address: string
}

// House is the name of a house,
// as in "number-5". It stands in a street.
#House: =~"^[a-z]+-[0-9]+$"

// #House2 has a longer name.
#House2: #House
`

const cottageCUE = `// A cottage.
package cottage

import "devstream.io/dtm/shared/base"

#Options: base.#Options & {
	place: house: *"cottage-1" | string
	count: *2 | int
	size: *"small" | string
	length: *"short" | "long"
	// Or not.
	on: *true | bool
}

#Outputs: base.#Outputs

#Sample: #Options
`

const castleCUE = `// A castle.
package castle

import "devstream.io/dtm/shared/base"

#Options: {
	base.#Options
	place: house: base.#House2
	// Of the moat, in metres.
	depth: *1 | int
}

#Outputs: {
	base.#Outputs
	// The lord.
	lord: string
}

#Sample: #Options & {place: house: "castle-1", count: 1, size: "big", length: "long", on: false}
`

func sharingLoader(t testing.TB) *Loader {
	t.Helper()
	shared := map[string]string{"base": baseCUE}
	l, err := NewLoader([]PluginSchema{
		{Name: "localfile", CUE: fileCUE},
		{Name: "cottage", CUE: cottageCUE, Shared: shared},
		{Name: "castle", CUE: castleCUE, Shared: shared},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestASharedDefinitionAndAPluginsOwnAreOne(t *testing.T) {
	l := sharingLoader(t)
	for path, want := range map[string]string{
		"cottage.place":       "struct; Where.",
		"cottage.place.house": `*"cottage-1" | the name of a house, as in "number-5"; The house.; replace`,
		"cottage.place.key":   `*"" | string; The key.; secret`,
		"cottage.place.open":  "struct; What else.",
		"cottage.count":       "*2 | int & >0; How many.",
		"cottage.size":        `*"small" | =~"^[a-z]+$" & !~"x"; How big.`,
		"cottage.length":      `(*"short" | "long") & ("short" | "long"); How long.`,
		"cottage.on":          "*true | bool; Or not./Whether.",
		"castle.place.house":  `=~"^[a-z]+-[0-9]+$"; The house.; replace`,
		"castle.count":        "int & >0; How many.; required",
		"castle.on":           "bool; Whether.",
		"castle.depth":        "*1 | int; Of the moat, in metres.",
	} {
		plugin, rest, _ := strings.Cut(path, ".")
		f := Find(l.Definition(plugin).Options, strings.Split(rest, "."))
		if f == nil {
			t.Errorf("there is no %s", path)
			continue
		}
		got := f.Type + "; " + strings.ReplaceAll(f.Doc, "\n", "/")
		for name, is := range map[string]bool{"secret": f.Secret, "replace": f.Replace, "required": f.Required} {
			if is {
				got += "; " + name
			}
		}
		if got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if len(l.Definition("castle").Outputs) != 2 || Find(l.Definition("cottage").Outputs, []string{"address"}).Doc != "The address." {
		t.Errorf("outputs %+v", l.Definition("castle").Outputs)
	}
}

func TestMistakesBelowASharedDefinitionAreFound(t *testing.T) {
	l := sharingLoader(t)
	t.Chdir(t.TempDir())
	write(t, "a.cue", `package toolchain

import "devstream.io/dtm/schema"

schema.#Toolchain

tools: {
	cottage: a: options: {place: house: "7", size: "box"}
	cottage: b: options: {place: {hous: "a-1", open: {any: thing: 1}}, plac: {}}
	castle: a: options: {place: {house: "a-1", keyy: ""}, size: "big", length: "long", on: true}
	castle: b: options: {place: house: "a-1", dept: 3, count: 1, size: "a", length: "x", on: true}
}
`)
	_, err := l.Load(context.Background(), ".", nil)
	want := `tools.cottage.a.options.place.house: invalid value "7"; expected *"cottage-1" | the name of a house, as in "number-5": a.cue:8:38
tools.cottage.a.options.size: invalid value "box"; expected *"small" | =~"^[a-z]+$" & !~"x": a.cue:8:49
tools.cottage.b.options.place.hous: field not allowed; expected one of house, key, open (did you mean ` + "`house`?" + `): a.cue:9:32
tools.cottage.b.options.plac: field not allowed; expected one of place, count, size, length, on (did you mean ` + "`place`?" + `): a.cue:9:69
tools.castle.a.options.count: field is required: expected int & >0: a.cue:10:13
tools.castle.a.options.place.keyy: field not allowed; expected one of house, key, open (did you mean ` + "`key`?" + `): a.cue:10:45
tools.castle.b.options.dept: field not allowed; expected one of place, count, depth, size, length, on (did you mean ` + "`depth`?" + `): a.cue:11:44
tools.castle.b.options.length: invalid value "x"; expected "short" | "long": a.cue:11:82
`
	if diff := cmp.Diff(want, show(nil, err)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestPluginsShareOnePackageOfAName(t *testing.T) {
	for name, other := range map[string]PluginSchema{
		"is not the one":       {Name: "castle", CUE: castleCUE, Shared: map[string]string{"base": baseCUE + "\n"}},
		"is not a plugin name": {Name: "castle", CUE: castleCUE, Shared: map[string]string{"../base": baseCUE}},
		"expected operand":     {Name: "castle", CUE: castleCUE, Shared: map[string]string{"wrong": "package wrong\n#A: }"}},
	} {
		_, err := NewLoader([]PluginSchema{{Name: "cottage", CUE: cottageCUE, Shared: map[string]string{"base": baseCUE}}, other})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.HasPrefix(err.Error(), "schema of plugin castle: ") {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

// A schema is evaluated when it is used: with a mistake in it, it harms nobody else, and nothing of its tools is shown.
func TestAMistakeInASchemaIsToldWhenItIsUsed(t *testing.T) {
	l, err := NewLoader([]PluginSchema{{Name: "localfile", CUE: fileCUE}, {Name: "castle", CUE: castleCUE}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "schema of plugin castle: "
	if err := l.Verify(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := l.Check(t.Context(), lines(tool("localfile", "a", fields("filename", "a")))); err != nil {
		t.Error(err)
	}
	if _, err := l.Check(t.Context(), lines(tool("castle", "a", fields("count", 1)))); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if d := l.Definition("castle"); !d.HasSecret() || !Find(d.Options, []string{"count"}).Secret {
		t.Errorf("%+v shows something", d)
	}
	if err := sharingLoader(t).Verify(); err != nil {
		t.Error(err)
	}
}

// Only the plugins whose names stand in the files are evaluated at first.
func TestToolsAreFoundHoweverTheirPluginsAreNamed(t *testing.T) {
	l := sharingLoader(t)
	t.Chdir(t.TempDir())
	write(t, "cue.mod/module.cue", "module: \"my.example/x\"\nlanguage: version: \"v0.15.0\"\n")
	write(t, "parts/parts.cue", "package parts\n\ntools: cottage: b: {}\n")
	write(t, "a.cue", `package toolchain

import (
	"devstream.io/dtm/schema"
	"my.example/x/parts"
)

schema.#Toolchain

for house in ["age", "tle"] if house == "age" {
	tools: "cott\(house)": a: options: count: 7
}
tools: parts.tools
`)
	config, err := l.Load(t.Context(), ".", nil)
	if err != nil || len(config.Tools) != 2 {
		t.Fatal(config, err)
	}
	write(t, "b.cue", "package toolchain\n\nlet part = \"cott\"\n\ntools: \"\\(part)age\": c: options: coun: 7\n")
	want := "tools.cottage.c.options.coun: field not allowed; expected one of place, count, size, length, on (did you mean `count`?): b.cue:5:34\n"
	if _, err = l.Load(t.Context(), ".", nil); show(nil, err) != want {
		t.Errorf("got %s, want %s", show(nil, err), want)
	}
}

func TestSharedPackagesAreVendored(t *testing.T) {
	l := sharingLoader(t)
	cue := parts.Cue(t) // from inside of the module
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "cue.mod/pkg/devstream.io/dtm/shared/old/old.cue", "package old\n#Options: 1\n")
	write(t, "cue.mod/pkg/devstream.io/dtm/shared/base/base.cue", "package base\n#Options: 1\n")
	write(t, "cue.mod/pkg/devstream.io/dtm/shared/base/more.cue", "package base\n#Options: 1\n")
	sample := func() string {
		var b strings.Builder
		if err := l.SampleCUE(&b, l.Plugins()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	write(t, "a.cue", sample())
	if _, err := l.Load(context.Background(), ".", nil); err != nil {
		t.Fatal("what is vendored counts:", err)
	}
	if _, err := l.Vendor("."); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile("cue.mod/pkg/devstream.io/dtm/shared/base/base.cue"); err != nil || string(text) != baseCUE {
		t.Error(err, string(text))
	}
	if exists("cue.mod/pkg/devstream.io/dtm/shared/old/old.cue") || exists("cue.mod/pkg/devstream.io/dtm/shared/base/more.cue") {
		t.Error("what this dtm does not have is still there")
	}
	t.Setenv("CUE_REGISTRY", "none")
	if out, err := exec.Command(cue, "vet", "-c", ".").CombinedOutput(); err != nil {
		t.Errorf("stock cue: %v\n%s", err, out)
	}
	write(t, "a.cue", sample()+"\ntools: castle: default: options: place: keyy: \"\"\n")
	if out, err := exec.Command(cue, "vet", "-c", ".").CombinedOutput(); err == nil || !strings.Contains(string(out), "place.keyy: field not allowed") {
		t.Errorf("stock cue takes a typo: %v\n%s", err, out)
	}
}

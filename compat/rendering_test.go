package compat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

// What DevStream made of `[[ ]]` is in the comments where it was something else.
func TestVariablesAreFilledInAsTextOrRefused(t *testing.T) {
	const vars = `v: val
w: other
n: 5
yes: true
f: 1.50
octal: "0123"
none:
empty: ""
m: {k: inner, j: {i: deep}}
list: [1, two]
html: "& < > \" ' +"
lines: "a\nb: c"
other: "[[ unknown ]]"
größe: xl
colon: "a: b # c"
`
	tests := []struct{ name, option, want string }{
		{"with blanks", "[[ v ]]", `"val"`},
		{"without blanks", "[[v]]", `"val"`},
		{"one blank", "[[ v]]", `"val"`},
		{"tab", "[[\tv ]]", `"val"`},
		{"with a dot", "[[ .v ]]", `"val"`}, // an error before 0.9
		{"in a text", "x[[ v ]]/[[ w ]]y", `"xval/othery"`},
		{"several that stand alone", "[[ v ]]/[[ w ]]", `"val/other"`}, // no YAML in 0.8 and 0.9
		{"in single quotes", "'[[ v ]]'", `"val"`},
		{"in double quotes", `"[[ v ]]"`, `"val"`},
		{"in a block", "|\n      a [[ v ]]\n      [[ w ]]", `"a val\nother\n"`},
		{"in a folded block", ">-\n      a [[ v ]]\n      [[ w ]]", `"a val other"`},
		{"in a list", "[ [[ v ]], x-[[ w ]] ]", `["val","x-other"]`},
		{"in a map", "{a: [[ v ]], b: {c: [[ w ]]}}", `{"a":"val","b":{"c":"other"}}`},
		{"in a key", "{[[ v ]]: 1}", `{"val":1}`},
		{"number", "[[ n ]]", `5`},
		{"boolean", "[[ yes ]]", `true`},
		{"fraction", "[[ f ]]", `1.50`}, // 1.5
		{"number in quotes", `"[[ n ]]"`, `"5"`},
		{"boolean in quotes", `'[[ yes ]]'`, `"true"`},
		{"number in a text", "a[[ n ]]", `"a5"`},
		{"digits put together", "[[ n ]]0", `50`},
		{"text of digits", "[[ octal ]]", `"0123"`}, // 83
		{"null", "[[ none ]]", `null`},
		{"null in quotes", `"[[ none ]]"`, `""`},
		{"empty", "[[ empty ]]", `""`}, // null
		{"dotted", "[[ m.k ]]", `"inner"`},
		{"dotted twice", "[[ m.j.i ]]", `"deep"`},
		{"dotted with a dot", "[[ .m.k ]]", `"inner"`},
		{"other letters", "[[ größe ]]", `"xl"`},
		{"HTML", "[[ html ]]", `"& < > \" ' +"`}, // &amp; &lt; &gt; &#34; &#39; &#43;
		{"HTML in quotes", `"a[[ html ]]"`, `"a& < > \" ' +"`},
		{"lines", "[[ lines ]]", `"a\nb: c"`}, // no YAML
		{"colon and comment", "[[ colon ]]", `"a: b # c"`},
		{"what looks like a variable", "[[ other ]]", `"[[ unknown ]]"`},                               // a list in a list
		{"comment", "x # [[ bad syntax ]] [[ missing ]] [[", `"x"`},                                    // an error
		{"HTML comment", "'a <!-- b --> c <script>x</script>'", `"a <!-- b --> c <script>x</script>"`}, // "a  c"
		{"other braces", "'{{ a }} {% b %}'", `"{{ a }} {% b %}"`},
		{"reference", "x/${{ a.b.outputs.c }}", `"x/${{ a.b.outputs.c }}"`},
		{"list of strings in a list", `[["a","b"]]`, `[["a","b"]]`}, // an error
		{"list of numbers in a list", "[[1,2]]", `[[1,2]]`},         // an error
		{"list of words in a list", "[[a, b]]", `[["a","b"]]`},      // an error
		{"lists in a list", "[[1],[2]]", `[[1],[2]]`},
		{"list in a list in a list", "[[[1]]]", `[[[1]]]`},
		{"maps in a list in a list", "[[{a: 1}]]", `[[{"a":1}]]`},
		{"blanks between brackets", "[ [ x ] ]", `[["x"]]`},

		{"environment", "[[ env X ]]", `"${{ env.X }}"`},
		{"environment in quotes", `[[ env "X" ]]`, `"${{ env.X }}"`},
		{"environment in single quotes", `[[ env 'X' ]]`, `"${{ env.X }}"`},
		{"environment without blanks", `[[env "X"]]`, `"${{ env.X }}"`},
		{"environment with one blank", `[[ env X]]`, `"${{ env.X }}"`},
		{"environment with many", "[[  env \t X  ]]", `"${{ env.X }}"`},
		{"environment in a string", `"[[ env "X" ]]"`, `"${{ env.X }}"`},
		{"environment in a text", "a-[[ env X ]]-[[ v ]]", `"a-${{ env.X }}-val"`},
		{"environment in a block", "|\n      x=[[ env X ]]", `"x=${{ env.X }}\n"`},
		{"environment in a list", "[ [[ env X ]] ]", `["${{ env.X }}"]`},

		{"missing", "[[ missing ]]", "a: variable `missing` is not defined: DevStream put nothing in its place: 4:1"},
		{"nearly missing", "[[ lst ]]", "a: variable `lst` is not defined: DevStream put nothing in its place (did you mean `list`?): 4:1"},
		{"missing in a map", "[[ m.x ]]", "a: variable `m.x` is not defined: DevStream put nothing in its place (did you mean `m.k`?): 4:1"},
		{"below a word", "[[ v.x ]]", "a: variable `v.x` is not defined: `v` is not a map: 4:1"},
		{"list", "[[ list ]]", "a: variable `list` is a list (config.yaml:12:7), which cannot be filled in: DevStream put it there as Go prints it (fill in its strings, numbers and booleans one by one): 4:1"},
		{"map", "x[[ m ]]", "a: variable `m` is a map (config.yaml:11:4), which cannot be filled in: DevStream put it there as Go prints it (fill in its strings, numbers and booleans one by one): 4:2"},
		{"dash in a name", "[[ my-var ]]", "a: `[[ my-var ]]` is not the name of a variable (write `[[ name ]]`, `[[ name.name ]]` or `[[ env NAME ]]`, letters, digits and `_`; for a literal `[[` define a variable with that text): 4:1"},
		{"pipeline", "[[ v | printf \"%s!\" ]]", "a: `[[ v | printf \"%s!\" ]]` is a pipeline of Go's templates, which is not run here (write `[[ v ]]`, or define a variable with the result): 4:1"},
		{"pipeline with a dot", "'[[ .v | html ]]'", "a: `[[ .v | html ]]` is a pipeline of Go's templates, which is not run here (write `[[ v ]]`, or define a variable with the result): 4:2"},
		{"index", `[[ index .m "k" ]]`, "a: `[[ index .m \"k\" ]]` calls a function of Go's templates, which is not run here (write `[[ m.k ]]`): 4:1"},
		{"index of a list", `[[ index .list 1 ]]`, "a: `[[ index .list 1 ]]` calls a function of Go's templates, which is not run here (write `[[ name.key ]]` for what is below a key, or define a variable with the result): 4:1"},
		{"len", `[[ len .v ]]`, "a: `[[ len .v ]]` calls a function of Go's templates, which is not run here (define a variable with the result): 4:1"},
		{"if", `[[ if .v ]]`, "a: `[[ if .v ]]` is a control structure of Go's templates, which is not run here (write the lines that it would give; for a literal `[[` define a variable with that text): 4:1"},
		{"trimmed", `[[- v -]]`, "a: `[[- v -]]` trims blanks, which is not done here (write `[[ v ]]`): 4:1"},
		{"dollar", `[[ $.v ]]`, "a: `[[ $.v ]]` is not the name of a variable (write `[[ v ]]`): 4:1"},
		{"environment of nothing", `[[ env a.b ]]`, "a: `[[ env a.b ]]` is not the name of a variable of the environment (write `[[ env NAME ]]`, letters, digits and `_`): 4:1"},
		{"unclosed", "'[[ v'", "a: `[[` without `]]` in the same line (for a literal `[[` define a variable with that text): 4:1"},
		{"the sample of show config", "[ [ v ] ]", "a: a list in a list, as in the sample that DevStream printed: it did not fill in `v` (write `[[ v ]]`): 4:1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := rendered("state: {backend: local}\n---\n"+vars+"---\n", test.option, 3+strings.Count(vars, "\n"))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", test.option, diff)
			}
		})
	}
}

// rendered is what becomes of an option, as JSON, or the mistakes, their lines counted from the tools' section and their columns
// from the option's own.
func rendered(before, option string, lines int) string {
	const tool = "tools:\n- name: localfile\n  instanceID: x\n  options:\n    a: "
	src, err := read(before + tool + option + "\n")
	if err != nil {
		list, _ := err.(schema.Errors) //nolint:errorlint // read gives nothing else
		var b strings.Builder
		for _, e := range list {
			pos := e.Pos
			e.Pos = schema.Pos{}
			b.WriteString(strings.TrimPrefix(e.Error(), "tools[0].options."))
			pos.File = ""
			pos.Line -= lines + 1
			pos.Column -= len("    a: ")
			b.WriteString(": " + at(pos))
		}
		return b.String()
	}
	var out strings.Builder
	for _, f := range src.Tools[0].Options.Fields {
		text := appendJSON(nil, f.Value)
		if !json.Valid(text) {
			out.WriteString("no JSON: ")
		}
		out.Write(text)
	}
	return out.String()
}

// Without variables `[[ name ]]` is a variable that is missing, but for texts of several lines and what is no name.
func TestWithoutVariablesOnlyTextMayLookLikeOne(t *testing.T) {
	const hint = " (define it: in a section of its own, in the varFile, or with --var-file): "
	for option, want := range map[string]string{
		"[[ v ]]":                         "a: variable `v` is not defined: there are no variables, and DevStream took it for a list in a list" + hint + "4:1",
		`"x [[ v ]]"`:                     "a: variable `v` is not defined: there are no variables, and DevStream left it as text" + hint + "4:4",
		"|\n      [[plugins]]\n      a=1": `"[[plugins]]\na=1\n"`,
		"'if [[ -f x ]]; then'":           `"if [[ -f x ]]; then"`,
		`"[[ unclosed"`:                   `"[[ unclosed"`,
		`[["a"],["b"]]`:                   `[["a"],["b"]]`,
		"[[1, 2]]":                        `[[1,2]]`,
		"[ [ v ] ]":                       `[["v"]]`,
		"x # [[ v ]]":                     `"x"`,
		"[[ env X ]]":                     `"${{ env.X }}"`,
		"[[ env X ]][[ v ]]":              "a: variable `v` is not defined: DevStream put nothing in its place (no variables are defined): 4:12",
	} {
		if diff := cmp.Diff(want, rendered("", option, 0)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", option, diff)
		}
	}
}

// Before 0.10 variables were never filled in where variables are defined, nor in the section of the state.
func TestVariablesAreNotFilledInWhereDevStreamLeftThem(t *testing.T) {
	const tools = "---\ntools: [{name: localfile, instanceID: x, options: {a: \"[[ a ]]\"}}]\n"
	for text, want := range map[string]string{
		"b: x\na: \"[[ b ]]\"\n":     "a variable in a variable: before 0.10 DevStream left `[[b]]` as text (write its value, or use the form of DevStream 0.12, with `vars`): config.yaml:2:5\n",
		"b: x\na: [[ b ]]\n":         "a variable in a variable: before 0.10 DevStream left `[[b]]` as text (write its value, or use the form of DevStream 0.12, with `vars`): config.yaml:2:4\n",
		"a: \"[[ no ]]\" # [[a]]\n":  "[[ no ]]",
		"a: |-\n  [[ a ]]\n":         "[[ a ]]",
		"a: [[ env X ]]\n":           "${{ env.X }}",
		"a: '[[ env X ]] [[ c ]]'\n": "${{ env.X }} [[ c ]]",
	} {
		src, err := read(text + tools)
		got := ""
		if err != nil {
			got = err.Error() + "\n"
		} else {
			got = src.Tools[0].Options.Fields[0].Value.Text
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
	for _, value := range []string{"[[ a ]]", "\"[[ a ]]\"", "[[ env X ]]"} {
		_, err := read("state: {backend: local, options: {stateFile: " + value + "}}\n---\na: b\n" + tools)
		if err == nil || !strings.Contains(err.Error(), "state.options.stateFile: this section takes no variables: DevStream left them as text: config.yaml:1:") {
			t.Errorf("%s: got %v", value, err)
		}
	}
}

// Only the reference is ever stored, in every form, spelling and place.
func TestTheEnvironmentIsLeftForLaterInEveryForm(t *testing.T) {
	const old, tool = "tools: [{plugin: localfile, name: a, options: {x: %s}}]\n", "tools: [{name: localfile, instanceID: a, options: {x: %s}}]\n"
	forms := map[string]string{
		"0.3":                          "-- config.yaml --\n" + old,
		"0.5 to 0.9, one section":      "-- config.yaml --\n" + tool,
		"0.5 to 0.9, sections":         "-- config.yaml --\nstate: {backend: local}\n---\nv: w\n---\n" + tool,
		"0.5 to 0.9, in a variable":    "-- config.yaml --\nv: %s\n---\n" + fmt.Sprintf(tool, "[[ v ]]"),
		"0.5 to 0.9, in a toolFile":    "-- config.yaml --\ntoolFile: t.yaml\n-- t.yaml --\n" + tool,
		"0.5 to 0.9, in a varFile":     "-- config.yaml --\ntoolFile: t.yaml\nvarFile: v.yaml\n-- t.yaml --\n" + fmt.Sprintf(tool, "[[ v ]]") + "-- v.yaml --\nv: %s\n",
		"0.10 to 0.12":                 "-- config.yaml --\nconfig: {}\n" + tool,
		"0.10 to 0.12, in a variable":  "-- config.yaml --\nconfig: {}\nvars: {v: %s}\n" + fmt.Sprintf(tool, "[[ v ]]"),
		"0.10 to 0.12, in one further": "-- config.yaml --\nconfig: {}\nvars: {w: \"[[ v ]]\", v: %s}\n" + fmt.Sprintf(tool, "[[ w ]]"),
	}
	for form, files := range forms {
		for _, spelling := range []string{"[[ env X ]]", "[[env X]]", "[[ env X]]", "[[env X ]]", `[[ env "X" ]]`, `[[env "X"]]`, `"[[ env X ]]"`, `"[[ env "X" ]]"`, `'[[env "X"]]'`} {
			src := readArchive(t, fmt.Sprintf(files, spelling))
			if got := src.Tools[0].Options.Fields[0].Value.Text; got != "${{ env.X }}" {
				t.Errorf("%s: %s became %q", form, spelling, got)
			}
		}
	}
}

func TestAVariableThatCannotBeReadMakesNoMistakeOfItsOwn(t *testing.T) {
	_, err := read("v: [\n---\ntools: [{name: localfile, instanceID: x, options: {a: [[ w ]]}}]\n")
	if err == nil || strings.Contains(err.Error(), "not defined") {
		t.Errorf("got %v", err)
	}
}

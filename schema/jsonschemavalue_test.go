package schema

import (
	"bytes"
	"encoding/json"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"github.com/google/go-cmp/cmp"
)

// optionsSchema is the schema of the options of a plugin with these fields, without what lets variables stand in them.
func optionsSchema(t *testing.T, fields string) map[string]any {
	t.Helper()
	l, err := NewLoader([]PluginSchema{{Name: "it", CUE: "package it\n\nimport (\n\t\"strings\"\n\t\"time\"\n)\n\n#Used: strings.MinRunes(0) & time.Duration()\n\n#Options: {\n" + fields + "\n}\n#Outputs: {}\n#Sample: {}\n"}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.PluginJSONSchema(&b, "it"); err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(b.Bytes(), &root); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"$defs", "$id", "$schema", "title"} {
		delete(root, key)
	}
	withoutVariables(root)
	return root
}

func withoutVariables(v any) {
	switch v := v.(type) {
	case map[string]any:
		if patterns, ok := v["patternProperties"].(map[string]any); ok {
			if delete(patterns, `\[\[.*\]\]`); len(patterns) == 0 {
				delete(v, "patternProperties")
			}
		}
		if choice, ok := v["anyOf"].([]any); ok {
			if last, _ := choice[len(choice)-1].(map[string]any); last["$ref"] == "#/$defs/variable" {
				choice = choice[:len(choice)-1]
				v["anyOf"] = choice
			}
			if len(choice) == 1 {
				delete(v, "anyOf")
				for key, inner := range choice[0].(map[string]any) {
					v[key] = inner
				}
			}
		}
		for _, inner := range v {
			withoutVariables(inner)
		}
	case []any:
		for _, inner := range v {
			withoutVariables(inner)
		}
	}
}

func TestConstraintsOfCUEAsJSONSchema(t *testing.T) {
	for _, c := range []struct{ name, cue, want string }{
		{"kinds", "a: string", `{"type": "string"}`},
		{"a number or a text", "a: string | number | bool", `{"type": ["string", "number", "boolean"]}`},
		{"a whole number in bounds", "a: *22 | int & >=1 & <=65535", `{"type": "integer", "minimum": 1, "maximum": 65535, "default": 22}`},
		{"a number without its bounds", "a: number & >0 & <1.5", `{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1.5}`},
		{"a number of so many bits", "a: int8", `{"type": "integer", "minimum": -128, "maximum": 127}`},
		{"a default beside what takes it", "a: *3 | int & >=0", `{"type": "integer", "minimum": 0, "default": 3}`},
		{"not empty", `a: string & !=""`, `{"type": "string", "minLength": 1}`},
		{"a choice", `a: *"x" | "y"`, `{"enum": ["x", "y"], "default": "x"}`},
		{"a choice of several kinds", `a: "x" | 1 | true | null`, `{"enum": ["x", 1, true, null]}`},
		{"a pattern", `a: =~"^[a-c]\\.b$"`, `{"type": "string", "pattern": "^[a-c]\\.b$"}`},
		{"a pattern that ECMA writes in another way", `a: =~"(?i)^ab"`, `{"type": "string", "pattern": "^[Aa][Bb]"}`},
		{"a pattern that ECMA has not", `a: =~"(?m)^a"`, `{"type": "string"}`},
		{"what must not match", `a: =~"a" & !~"b" & !~"c"`, `{"type": "string", "pattern": "a", "not": {"anyOf": [{"pattern": "b"}, {"pattern": "c"}]}}`},
		{"several patterns", `a: =~"a" & =~"b"`, `{"type": "string", "pattern": "a", "allOf": [{"pattern": "b"}]}`},
		{"empty or a pattern", `a: *"" | =~"^b"`, `{"type": "string", "pattern": "^$|^b", "default": ""}`},
		{"empty or what must not match", `a: *"" | !="" & !~"b"`, `{"type": "string", "not": {"pattern": "b"}, "default": ""}`},
		{"a value that there is not", `a: !="x"`, `{"type": "string", "not": {"const": "x"}}`},
		{"characters", "a: strings.MinRunes(2) & strings.MaxRunes(4)", `{"type": "string", "minLength": 2, "maxLength": 4}`},
		{"a function that nothing is known of", `a: strings.HasPrefix("x")`, `{"type": ["string"]}`},
		{"anything", "a: _", `{}`},
		{"a list", `a: [...string & !=""]`, `{"type": "array", "items": {"type": "string", "minLength": 1}}`},
		{"a list with a first", `a: *["x"] | [string & !="", ...string & !=""]`, `{"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}, "default": ["x"]}`},
		{"a list of two", `a: [int, string]`, `{"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [{"type": "integer"}, {"type": "string"}]}`},
		{"a list of maps", "a: [...{b!: int}]", `{"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {"b": {"type": "integer"}}, "required": ["b"]}}`},
		{"a list of lists", "a: [...[...int]]", `{"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}`},
		{"an open map", "a: {b: int, ...}", `{"type": "object", "properties": {"b": {"type": "integer"}}}`},
		{"a map of any names", "a: [string]: int", `{"type": "object", "additionalProperties": {"type": "integer"}}`},
		{"a map of some names", `a: [=~"^[A-Z]+$"]: int`, `{"type": "object", "additionalProperties": false, "patternProperties": {"^[A-Z]+$": {"type": "integer"}}}`},
		{"a map of names that nobody can tell", `a: [=~"(?m)^a"]: int`, `{"type": "object"}`},
		{"one of two maps", `a: {b!: int} | {c!: string}`, `{"anyOf": [
			{"type": "object", "additionalProperties": false, "properties": {"b": {"type": "integer"}}, "required": ["b"]},
			{"type": "object", "additionalProperties": false, "properties": {"c": {"type": "string"}}, "required": ["c"]}]}`},
		{"a comment", "// The a.\na: int", `{"type": "integer", "description": "The a."}`},
		{"a comment that says it is deprecated", "// The a.\n//\n// Deprecated: use b.\na: int", `{"type": "integer", "description": "The a.\n\nDeprecated: use b.", "deprecated": true}`},
		{"an attribute that says it is deprecated", "a: int @deprecated()", `{"type": "integer", "deprecated": true}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			properties, _ := optionsSchema(t, c.cue)["properties"].(map[string]any)
			var want any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, withoutNull(properties["a"])); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestADurationIsWhatGoTakesForOne(t *testing.T) {
	r := rulesOf(mustExpr(t, `time.Duration() & !~"^-"`))
	for text, ok := range map[string]bool{"5m": true, "1h30m": true, "1.5s": true, ".5s": true, "0": true, "10µs": true, "5": false, "5 m": false, "-5m": false, "": false, "1d": false} {
		if got := r[0].takes(text); got != ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What depends on other options is not said: a schema that said it would refuse what is right.
func TestConditionsMakeASchemaLooserAndNeverStricter(t *testing.T) {
	for _, c := range []struct{ name, cue, want string }{
		{"a condition on a field that is there", `owner: *"" | string
			org: *"" | string
			if owner == "" {
				org: !=""
			}`, `{"properties": {"owner": {"type": "string", "default": ""}, "org": {"type": "string", "default": ""}}}`},
		{"fields that are there on a condition", `kind: *"a" | "b"
			if kind == "a" {
				// The x.
				x: int
			}
			if kind == "b" {
				x!: string
				y!: bool
			}`, `{"properties": {"kind": {"enum": ["a", "b"], "default": "a"}, "x": {"type": ["integer", "string"], "description": "The x."}, "y": {"type": "boolean"}}}`},
		{"a field of a map", `on: *false | bool
			m: n: *"" | string
			if on {
				m: {
					n: !=""
					o!: int
				}
			}`, `{"properties": {"on": {"type": "boolean", "default": false}, "m": {"type": "object", "additionalProperties": false, "properties": {
				"n": {"type": "string", "default": ""}, "o": {"type": "integer"}}}}}`},
		{"a condition in a condition", `on: *false | bool
			if on {
				x: *false | bool
				if x {
					y!: int
				}
			}`, `{"properties": {"on": {"type": "boolean", "default": false}, "x": {"type": "boolean", "default": false}, "y": {"type": "integer"}}}`},
		{"a value that follows from another", `a: *"x" | string
			b: a
			c: "\(a)-c"
			d: *a | string`, `{"properties": {"a": {"type": "string", "default": "x"}, "b": {}, "c": {}, "d": {}}}`},
		{"fields that are counted out", `names: [...string]
			for n in names {
				(n): int
			}`, `{"properties": {"names": {"type": "array", "items": {"type": "string"}}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := optionsSchema(t, c.cue)
			open := c.name == "fields that are counted out"
			if _, closed := got["additionalProperties"]; closed == open {
				t.Errorf("closed: %v", closed)
			}
			delete(got, "additionalProperties")
			delete(got, "type")
			var want map[string]any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(any(want), withoutNull(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// withoutNull takes null out of the kinds of maps and lists, where it always is: the cases do without it.
func withoutNull(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = withoutNull(v[name])
		}
		if kinds, ok := v["type"].([]any); ok && len(kinds) == 2 && (kinds[0] == "object" || kinds[0] == "array") && kinds[1] == "null" {
			v["type"] = kinds[0]
		}
	}
	return v
}

func mustExpr(t *testing.T, text string) ast.Expr {
	t.Helper()
	x, err := parser.ParseExpr("", text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

package engine

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

// given are the outputs of these tests, by key. What is not there is not known yet, but for "missing".
var given = map[string]string{
	"s": `"text"`, "i": `7`, "big": `12345678901234567890`, "f": `1.50`, "b": `true`, "null": `null`,
	"l": `["x",{"y":2}]`, "m": `{"k":"v","deep":{"n":[1]}}`,
	"dollar": `"$1 and ${2} and \\1"`, "reference": `"${{ env.SECRET }} and $${{"`, "nested": `["${{ a.b.outputs.s }}"]`,
}

func givenOutputs(ref schema.Reference) (any, bool, error) {
	if ref.Key[0] == "missing" {
		return nil, false, errors.New("no such output")
	}
	raw, ok := given[ref.Key[0]]
	if !ok {
		return nil, false, nil
	}
	v, err := decodeTree(json.RawMessage(raw))
	return v, true, err
}

// ref writes `<s>` for a reference to the output s, and `<$X>` for one to the variable X.
func ref(text string) string {
	text = strings.ReplaceAll(text, "<$", "${{ env.")
	text = strings.ReplaceAll(text, "<", "${{ a.b.outputs.")
	return strings.ReplaceAll(text, ">", " }}")
}

func TestFill(t *testing.T) {
	for name, tt := range map[string]struct{ options, filled, unknown string }{
		"nothing to fill":        {`{"a": "b"}`, `{"a": "b"}`, ``},
		"one":                    {`{"a":"<s>"}`, `{"a":"text"}`, ``},
		"several in one string":  {`{"a":"1<s>2<s>3<i>"}`, `{"a":"1text2text37"}`, ``},
		"scalars in a string":    {`{"a":"-<i>-<f>-<b>-<big>"}`, `{"a":"-7-1.50-true-12345678901234567890"}`, ``},
		"lists and nested keys":  {`{"a":[{"b":"<s>"},["<i>"]],"c":{"d":{"e":"x<s>"}}}`, `{"a":[{"b":"text"},[7]],"c":{"d":{"e":"xtext"}}}`, ``},
		"a number stays one":     {`{"a":"<i>","b":"<big>","c":"<f>"}`, `{"a":7,"b":12345678901234567890,"c":1.50}`, ``},
		"a bool stays one":       {`{"a":"<b>"}`, `{"a":true}`, ``},
		"null stays null":        {`{"a":"<null>"}`, `{"a":null}`, ``},
		"a list stays one":       {`{"a":["<l>"]}`, `{"a":[["x",{"y":2}]]}`, ``},
		"a map stays one":        {`{"a":"<m>"}`, `{"a":{"deep":{"n":[1]},"k":"v"}}`, ``},
		"blanks make a string":   {`{"a":" <i>"}`, `{"a":" 7"}`, ``},
		"variables stay":         {`{"a":"<$X>-<s>"}`, `{"a":"${{ env.X }}-text"}`, ``},
		"unknown stays":          {`{"a":[{"b":"x<later>y<s>"}],"c":"<s>"}`, `{"a":[{"b":"x${{ a.b.outputs.later }}ytext"}],"c":"text"}`, `options.a[0].b`},
		"an escape stays":        {`{"a":"$${{ x }} <s>"}`, `{"a":"$${{ x }} text"}`, ``},
		"no other escapes":       {`{"a":"<s> \u003c\u0026\u003e $$1"}`, `{"a":"text <&> $$1"}`, ``},
		"what looks like one":    {`{"a":"<dollar>","b":"x<dollar>"}`, `{"a":"$1 and ${2} and \\1","b":"x$1 and ${2} and \\1"}`, ``},
		"an output's own braces": {`{"a":"<reference>","b":"x<reference>"}`, `{"a":"$${{ env.SECRET }} and $$${{","b":"x$${{ env.SECRET }} and $$${{"}`, ``},
		"braces in a list":       {`{"a":"<nested>"}`, `{"a":["$${{ a.b.outputs.s }}"]}`, ``},
		"keys are left alone":    {`{"<s>":"<s>"}`, `{"${{ a.b.outputs.s }}":"text"}`, ``},
		"not a struct":           {`"<s>"`, `"text"`, ``},
	} {
		filled, unknown, err := fill(json.RawMessage(ref(tt.options)), givenOutputs)
		if err != nil || string(filled) != tt.filled || strings.Join(unknown, " ") != tt.unknown {
			t.Errorf("%s: %s, unknown %v, %v; want %s, %s", name, filled, unknown, err, tt.filled, tt.unknown)
		}
	}
}

func TestFillErrors(t *testing.T) {
	for options, want := range map[string]string{
		`{"a":["x","<missing>"]}`: "options.a[1]: no such output",
		`{"a":"x<l>"}`:            "options.a: ${{ a.b.outputs.l }}: the output is a list or a map and cannot stand inside a string",
		`{"a":"x<m>"}`:            "options.a: ${{ a.b.outputs.m }}: the output is a list or a map and cannot stand inside a string",
		`{"a":"${{ x"}`:           "options.a: `${{` without `}}`; for a literal `${{` write `$${{`",
	} {
		if _, _, err := fill(json.RawMessage(ref(options)), givenOutputs); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
}

// sealing is an engine with an environment, and the definition of the test plugins.
func sealing(env map[string]string) (*Engine, *schema.Definition) {
	return &Engine{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}, testLoader().Definition("thing")
}

func TestSealAndOpen(t *testing.T) {
	e, def := sealing(map[string]string{"X": "v${{ env.Y }}", "Y": "y"})
	for name, tt := range map[string]struct{ filled, sealed, hashed, opened string }{
		"nothing":          {`{"value":"1"}`, `{"value":"1"}`, ``, `{"value":"1"}`},
		"a variable":       {`{"value":"a<$X>b<$Y>"}`, `{"value":"a<$X>b<$Y>"}`, `options.value`, `{"value":"av${{ env.Y }}by"}`},
		"in a list":        {`{"tags":["1","<$Y>"]}`, `{"tags":["1","<$Y>"]}`, `options.tags[1]`, `{"tags":["1","y"]}`},
		"an escape":        {`{"value":"$${{ x }}<$Y>"}`, `{"value":"$${{ x }}<$Y>"}`, `options.value`, `{"value":"${{ x }}y"}`},
		"only an escape":   {`{"value":"$${{ x }}"}`, `{"value":"$${{ x }}"}`, ``, `{"value":"${{ x }}"}`},
		"a secret":         {`{"token":"t","value":"t"}`, `{"token":"(secret)","value":"t"}`, `options.token`, `{"token":"t","value":"t"}`},
		"an empty secret":  {`{"token":""}`, `{"token":"(secret)"}`, `options.token`, `{"token":""}`},
		"secret variable":  {`{"token":"<$X>"}`, `{"token":"<$X>"}`, `options.token`, `{"token":"v${{ env.Y }}"}`},
		"secret escape":    {`{"token":"$${{ x"}`, `{"token":"(secret)"}`, `options.token`, `{"token":"${{ x"}`},
		"struct":           {`{"creds":{"a":["t"],"b":"<$Y>","c":"$${{"}}`, `{"creds":"(secret)"}`, `options.creds`, `{"creds":{"a":["t"],"b":"y","c":"${{"}}`},
		"list items":       {`{"keys":[{"id":"1","secret":"t"},{"id":"2","secret":"u"}]}`, `{"keys":[{"id":"1","secret":"(secret)"},{"id":"2","secret":"(secret)"}]}`, `options.keys[0].secret options.keys[1].secret`, `{"keys":[{"id":"1","secret":"t"},{"id":"2","secret":"u"}]}`},
		"map values":       {`{"vault":{"a.b":"t","c":"u"}}`, `{"vault":{"a.b":"(secret)","c":"(secret)"}}`, `options.vault.a.b options.vault.c`, `{"vault":{"a.b":"t","c":"u"}}`},
		"the word secret":  {`{"token":"(secret)","value":"(secret)"}`, `{"token":"(secret)","value":"(secret)"}`, `options.token`, `{"token":"(secret)","value":"(secret)"}`},
		"numbers are kept": {`{"creds":{"n":12345678901234567890}}`, `{"creds":"(secret)"}`, `options.creds`, `{"creds":{"n":12345678901234567890}}`},
	} {
		filled := json.RawMessage(ref(tt.filled))
		s, err := e.seal(def, filled, nil, []byte("key"))
		if err != nil || string(s.options) != ref(tt.sealed) {
			t.Errorf("%s: sealed %s, %v; want %s", name, s.options, err, ref(tt.sealed))
		}
		if got := strings.Join(sortedKeys(anyMap(s.digests)), " "); got != tt.hashed {
			t.Errorf("%s: hashed %q, want %q", name, got, tt.hashed)
		}
		for form, options := range map[string]json.RawMessage{"filled": filled, "sealed": s.options} {
			if opened, err := e.open(def, options, filled); err != nil || !sameJSON(opened, json.RawMessage(tt.opened)) {
				t.Errorf("%s: opened from %s %s, %v; want %s", name, form, opened, err, tt.opened)
			}
		}
	}
}

func anyMap(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func TestWhatIsFilledSealedAndOpenedIsWhatTheOutputWas(t *testing.T) {
	e, def := sealing(map[string]string{"SECRET": "no"})
	for _, key := range []string{"dollar", "reference", "s", "nested", "m"} {
		filled, _, err := fill(json.RawMessage(ref(`{"value":"<`+key+`>","token":"<`+key+`>"}`)), givenOutputs)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.seal(def, filled, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := e.open(def, s.options, filled)
		if want := `{"value":` + given[key] + `,"token":` + given[key] + `}`; err != nil || !sameJSON(opened, json.RawMessage(want)) {
			t.Errorf("%s, %v, want %s", opened, err, want)
		}
	}
}

func TestADigestChangesWithValueKeyAndPathAndNothingElse(t *testing.T) {
	env := map[string]string{"X": "1"}
	e, def := sealing(env)
	digests := func(options, key string) map[string]string {
		s, err := e.seal(def, json.RawMessage(ref(options)), nil, []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return s.digests
	}
	const options = `{"creds":{"a":"<$X>"},"keys":[{"id":"1","secret":"s"}],"token":"s","value":"<$X>"}`
	first := digests(options, "k")
	if !maps.Equal(first, digests(options, "k")) {
		t.Error("the same options have other digests")
	}
	if first["options.token"] == first["options.keys[0].secret"] {
		t.Error("one secret in two places looks the same")
	}
	for path, d := range digests(options, "l") {
		if first[path] == d {
			t.Errorf("%s does not depend on the key", path)
		}
	}
	env["X"] = "2"
	for path, d := range digests(options, "k") {
		if changes := path == "options.value" || path == "options.creds"; (first[path] != d) != changes {
			t.Errorf("%s: another variable changes its digest: %t, want %t", path, !changes, changes)
		}
	}
}

func TestOpeningWhatWasRecorded(t *testing.T) {
	e, def := sealing(map[string]string{"SET": "v"})
	for name, tt := range map[string]struct{ recorded, wanted, opened string }{
		"secrets that are wanted":           {`{"token":"(secret)","name":"a"}`, `{"token":"t","name":"b"}`, `{"name":"a","token":"t"}`},
		"secrets that are not":              {`{"token":"(secret)","creds":"(secret)"}`, `{}`, `{}`},
		"nothing is wanted":                 {`{"token":"(secret)","keys":[{"id":"1","secret":"(secret)"}]}`, ``, `{"keys":[{"id":"1"}]}`},
		"by place in the list":              {`{"keys":[{"id":"1","secret":"(secret)"},{"id":"2","secret":"(secret)"}]}`, `{"keys":[{"id":"3","secret":"t"}]}`, `{"keys":[{"id":"1","secret":"t"},{"id":"2"}]}`},
		"secrets from variables":            {`{"token":"(secret)"}`, `{"token":"<$SET>"}`, `{"token":"v"}`},
		"a secret that is not known yet":    {`{"token":"(secret)","creds":"(secret)"}`, `{"token":"<s>","creds":{"a":["<s>"]}}`, `{}`},
		"a variable that was set":           {`{"token":"<$OLD>"}`, `{"token":"<$SET>"}`, `{"token":"v"}`},
		"a variable that nobody needs":      {`{"token":"<$OLD>"}`, `{}`, `{}`},
		"a variable that is still set":      {`{"token":"<$SET>"}`, `{"token":"t"}`, `{"token":"v"}`},
		"escapes in the secret":             {`{"token":"(secret)"}`, `{"token":"$${{ x"}`, `{"token":"${{ x"}`},
		"a secret with a word like another": {`{"value":"(secret)"}`, `{"value":"x"}`, `{"value":"(secret)"}`},
	} {
		opened, err := e.open(def, json.RawMessage(ref(tt.recorded)), json.RawMessage(ref(tt.wanted)))
		if err != nil || string(opened) != tt.opened {
			t.Errorf("%s: %s, %v, want %s", name, opened, err, tt.opened)
		}
	}
}

func TestAVariableThatIsNotSetIsNamedWithItsPlace(t *testing.T) {
	e, def := sealing(nil)
	for _, options := range []string{`{"tags":["a","<$NO>"]}`, `{"creds":{"a":["a","<$NO>"]}}`} {
		_, errSeal := e.seal(def, json.RawMessage(ref(options)), nil, nil)
		_, errOpen := e.open(def, json.RawMessage(ref(options)), nil)
		for _, err := range []error{errSeal, errOpen} {
			var unset *EnvError
			if !errors.As(err, &unset) || unset.Name != "NO" || unset.Hint() != "export NO=… and run again" || !strings.HasPrefix(err.Error(), "options.") {
				t.Errorf("%s: %v", options, err)
			}
		}
	}
	// Of a tool that is to be deleted nothing else is known.
	if _, err := e.open(def, json.RawMessage(ref(`{"token":"<$NO>"}`)), nil); err == nil {
		t.Error("a secret that is lost was left out silently")
	}
}

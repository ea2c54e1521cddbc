package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/devstream-io/dtm/schema"
)

// looser are the options of which CUE says more than JSON Schema can, and why.
var looser = map[string]string{
	"owner":                    "one of owner and org is needed",
	"org":                      "one of owner and org is needed",
	"docker.registry.url":      "it depends on docker.registry.type",
	"docker.registry.username": "it depends on docker.enable and docker.registry.type",
	"language.versions":        "not beside language.version",
}

// FuzzJSONSchemaAcceptsWhatCUEDoes makes options out of a plugin's sample, right ones and wrong ones. What CUE takes the JSON
// Schema must take; what CUE refuses the JSON Schema must refuse, but for fields that depend on others.
func FuzzJSONSchemaAcceptsWhatCUEDoes(f *testing.F) {
	l := allPlugins(f)
	names := l.Plugins()
	schemas := map[string]*jsonschema.Schema{}
	for i, name := range names {
		schemas[name] = compiled(f, func(w io.Writer) error { return l.PluginJSONSchema(w, name) })
		f.Add(uint64(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64, which uint8) {
		name := names[int(which)%len(names)]
		g := newGenerator(t, l, name, rand.New(rand.NewPCG(seed, 0)))
		const batch = 40
		options := make([]map[string]any, batch)
		src := &schema.Source{}
		for i := range options {
			options[i] = g.options()
			src.Tools = append(src.Tools, schema.SourceTool{
				Plugin: schema.Text{Text: name}, Instance: schema.Text{Text: fmt.Sprintf("i%d", i)}, Options: valueOf(options[i]),
			})
		}
		refused := map[string][]*schema.Error{}
		_, err := l.Check(t.Context(), src)
		var errs schema.Errors
		if err != nil && !errors.As(err, &errs) {
			t.Fatal(err)
		}
		for _, e := range errs {
			parts := strings.Split(strings.ReplaceAll(e.Path, `"`, ""), ".")
			at := slices.IndexFunc(parts, func(p string) bool { return strings.HasPrefix(p, "i") && len(p) > 1 && p[1] >= '0' && p[1] <= '9' })
			if at < 0 {
				t.Fatalf("a mistake at %s: %v", e.Path, e)
			}
			refused[parts[at]] = append(refused[parts[at]], e)
		}
		for i, o := range options {
			mistakes := refused[fmt.Sprintf("i%d", i)]
			verdict := schemas[name].Validate(plain(t, o))
			text, _ := json.Marshal(o)
			if len(mistakes) == 0 && verdict != nil {
				t.Errorf("%s: CUE takes %s, and the schema does not: %v", name, text, verdict)
			}
			if verdict != nil {
				continue
			}
			for _, e := range mistakes {
				_, field, _ := strings.Cut(e.Path, ".options.")
				field, _, _ = strings.Cut(field, "[")
				if looser[field] == "" {
					t.Errorf("%s: the schema takes %s, and CUE does not: %v", name, text, e)
				}
			}
		}
	})
}

// generator makes options of one plugin.
type generator struct {
	*rand.Rand
	sample map[string]any
	fields []schema.FieldDefinition
	pool   []any
}

func newGenerator(t *testing.T, l *schema.Loader, name string, r *rand.Rand) *generator {
	t.Helper()
	var b strings.Builder
	if err := l.SampleYAML(&b, []string{name}); err != nil {
		t.Fatal(err)
	}
	g := &generator{Rand: r, fields: l.Definition(name).Options}
	docs := parts(t, b.String())
	g.sample, _ = docs[1].(map[string]any)["tools"].([]any)[0].(map[string]any)["options"].(map[string]any)
	g.pool = []any{
		"", "a", "A", "a-b", "a.b", "a b", "a/b", "/a", "a/", "./a", "../a", "a/../b", "a:b", "a@b", "x\ny", "é", "-a", ".", "..", "0", "main", "HEAP",
		"0644", "0999", "5m", "1h30m", "0s", "-5m", "1.5h", "5", "soon", "dtm.yml", "dtm.txt", "https://example.org/x", "http://u:p@example.org", "ftp://x",
		"oci://x/y", "unix:///x", "linux/amd64", "GITHUB_X", "A_1", "256m", "age1", "4f3a4f3a4f3a4f3a4f3a4f3a", strings.Repeat("a", 64), strings.Repeat("b", 300),
		"sha256:" + strings.Repeat("0", 64), "acme/hello", "acme/hello:1", "1.20", "^1.2", ">=1 <2", "{{ }}", "~", "k[", `back\slash`, "'", "\u2028", "\u00a0",
		true, false, nil, json.Number("0"), json.Number("1"), json.Number("-1"), json.Number("22"), json.Number("360"), json.Number("361"), json.Number("1440"),
		json.Number("65535"), json.Number("65536"), json.Number("1.5"), json.Number("99999999999999999999"),
		[]any{}, []any{"a"}, []any{"a", ""}, []any{json.Number("1")}, []any{[]any{"a", "b"}}, []any{"linux/amd64", "x"}, []any{"1.20", "1.21"}, []any{"a:/b", "/a:/b:ro"},
		map[string]any{}, map[string]any{"a": "b"}, map[string]any{"a": json.Number("1")}, map[string]any{"A_B": "C_D"}, map[string]any{"a-b": "c"},
		map[string]any{"enable": true}, map[string]any{"enable": "yes"}, map[string]any{"a": nil}, map[string]any{"a": map[string]any{"b": true}},
	}
	g.learn(g.fields)
	return g
}

// learn adds the defaults and all words in quotes of the constraints to the pool.
func (g *generator) learn(fields []schema.FieldDefinition) {
	for _, f := range fields {
		for i, part := range strings.Split(f.Type, `"`) {
			if i%2 == 1 && len(part) < 40 {
				g.pool = append(g.pool, part)
			}
		}
		g.learn(f.Fields)
	}
}

// options are the sample with some changes.
func (g *generator) options() map[string]any {
	o, _ := copyOf(g.sample).(map[string]any)
	if o == nil {
		o = map[string]any{}
	}
	for range 1 + g.IntN(3) {
		g.change(o, g.fields)
	}
	return o
}

func (g *generator) change(in map[string]any, fields []schema.FieldDefinition) {
	if g.IntN(20) == 0 || len(fields) == 0 {
		in["unknown"] = g.value()
		return
	}
	f := fields[g.IntN(len(fields))]
	name := f.Name
	if name == "*" || name == "[]" {
		name = []string{"a", "A_B", "a-b", "1"}[g.IntN(4)]
	}
	if len(f.Fields) > 0 && f.Fields[0].Name != "[]" && g.IntN(10) > 0 {
		inner, ok := in[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			in[name] = inner
		}
		g.change(inner, f.Fields)
		return
	}
	if g.IntN(8) == 0 {
		delete(in, name)
		return
	}
	in[name] = g.value()
}

func (g *generator) value() any { return copyOf(g.pool[g.IntN(len(g.pool))]) }

func copyOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			out[name] = copyOf(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = copyOf(v[i])
		}
		return out
	}
	return v
}

// plain is a value as the validator wants it.
func plain(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// valueOf is a value as it is read from YAML.
func valueOf(v any) schema.Value {
	switch v := v.(type) {
	case string:
		return schema.Value{Kind: schema.String, Text: v}
	case bool:
		return schema.Value{Kind: schema.Bool, Text: fmt.Sprint(v)}
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			return schema.Value{Kind: schema.Float, Text: string(v)}
		}
		return schema.Value{Kind: schema.Int, Text: string(v)}
	case []any:
		out := schema.Value{Kind: schema.List}
		for _, item := range v {
			out.Items = append(out.Items, valueOf(item))
		}
		return out
	case map[string]any:
		out := schema.Value{Kind: schema.Map}
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range v {
				if !yield(name) {
					return
				}
			}
		}) {
			out.Fields = append(out.Fields, schema.Field{Name: name, Value: valueOf(v[name])})
		}
		return out
	}
	return schema.Value{}
}

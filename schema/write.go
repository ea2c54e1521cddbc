package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cuelang.org/go/cue/format"
)

// WriteCUE is a source that [Loader.Check] has nothing against as a CUE file, such as somebody would write by hand:
// variables are hidden fields, a `[[ name ]]` is a reference to one of them and a reference to an output one to the output's
// field, and what several tools have in common stands once, in a hidden field of its own. What cannot be said so stays the
// text that it was. written may be nil: then values are as they were filled in.
func (l *Loader) WriteCUE(src *Source, written *Written) ([]byte, error) {
	if written == nil {
		written = &Written{}
	}
	w := cueWriter{loader: l, written: written, tools: map[ID]bool{}, taken: map[string]bool{}, aliases: map[ID]string{}}
	for i := range src.Tools {
		w.tools[MakeID(src.Tools[i].Plugin.Text, src.Tools[i].Instance.Text)] = true
	}
	w.commentsAt = placed(written.Comments)
	if err := w.read(src); err != nil {
		return nil, err
	}
	w.remaining(src.Files)
	w.share()
	w.nameOutputs()
	fmt.Fprintf(&w.out, "package toolchain\n\nimport %q\n\nschema.#Toolchain\n", ModulePath+"/schema")
	w.print()
	text, err := format.Source([]byte(w.out.String()), format.Simplify())
	if err != nil {
		return nil, fmt.Errorf("write CUE: %w", err)
	}
	return text, nil
}

// cueWriter writes one file.
type cueWriter struct {
	loader  *Loader
	written *Written
	tools   map[ID]bool
	// taken are the names of hidden fields, variables those of the variables.
	taken     map[string]bool
	variables map[string]string
	// values are those of the variables.
	values map[string]*Value
	// aliases are the hidden fields that stand for the outputs of tools.
	aliases map[ID]string
	// commentsAt are those that have not found their fields, by the places of what they stand at.
	commentsAt map[Pos][]*Comment

	// units are the parts of the file in their order: the state, the variables, the tools.
	units  []*unit
	shared []*block
	// end are the comments that stand below everything.
	end []string
	out strings.Builder
}

// unit is a field at the top of the file.
type unit struct {
	// pos is where it was written, if it was.
	pos Pos
	// path are the fields around it, for a tool.
	path  []string
	field field
	// id and options are a tool's.
	id      ID
	options *node
	// joined tells that no blank line parts it from the unit before.
	joined bool
}

// read makes units of a source.
func (w *cueWriter) read(src *Source) error {
	state, err := w.state(src)
	if err != nil {
		return err
	}
	w.units = append(w.units, state)
	w.nameVariables()
	if src.Plugins.Kind == Map && len(src.Plugins.Fields) > 0 {
		f := Field{Name: "plugins", Pos: src.Plugins.Pos, Value: src.Plugins}
		w.units = append(w.units, &unit{pos: f.Pos, field: w.field(&f, nil)})
	}
	for i := range w.written.Variables {
		f := w.written.Variables[i]
		u := &unit{pos: f.Pos, field: w.field(&f, nil), joined: i > 0}
		u.field.name, u.field.hidden = w.variables[f.Name], true
		w.units = append(w.units, u)
	}
	// What was made of one place, as of an app, stands in the order of its parts: the repository before its pipelines.
	tools := make([]*unit, len(src.Tools))
	for i := range src.Tools {
		tools[i] = w.tool(&src.Tools[i])
	}
	slices.SortStableFunc(tools, func(a, b *unit) int { return order(src.Files, a.pos, b.pos) })
	w.units = append(w.units, tools...)
	return nil
}

func (w *cueWriter) tool(t *SourceTool) *unit {
	u := &unit{pos: t.Pos, id: MakeID(t.Plugin.Text, t.Instance.Text), path: []string{"tools", t.Plugin.Text}}
	u.field = field{name: t.Instance.Text, remarks: w.remarks(t.Pos)}
	body := &node{kind: Map}
	if len(t.DependsOn) > 0 {
		list := &node{kind: List}
		for _, d := range t.DependsOn {
			list.items = append(list.items, &node{kind: String, pieces: []piece{{text: d.Text}}, remarks: w.remarks(d.Pos)})
		}
		body.fields = append(body.fields, field{name: "dependsOn", value: list})
	}
	if t.Lifecycle.Kind == Map && len(t.Lifecycle.Fields) > 0 {
		body.fields = append(body.fields, field{name: "lifecycle", value: w.node(&t.Lifecycle, nil)})
	}
	var defs []FieldDefinition
	if def := w.loader.Definition(t.Plugin.Text); def != nil {
		defs = def.Options
	}
	u.options = w.node(&Value{Kind: Map, Pos: t.Options.Pos, Fields: t.Options.Fields}, defs)
	if len(u.options.fields) > 0 || len(body.fields) == 0 {
		body.fields = append(body.fields, field{name: "options", value: u.options})
	}
	u.field.value = body
	return u
}

// state writes where the journal is. CUE has other defaults than YAML, so the name of the file is always there.
func (w *cueWriter) state(src *Source) (*unit, error) {
	s := &src.State
	text := func(name, value string) Field { return Field{Name: name, Value: Value{Kind: String, Text: value}} }
	given := func(pairs ...string) (fields []Field) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				fields = append(fields, text(pairs[i], pairs[i+1]))
			}
		}
		return fields
	}
	var options, fields []Field
	switch s.Backend {
	case "local":
		options = append(options, text("stateFile", s.StateFile))
		if c := s.ConfigMap; c != nil {
			at := given("namespace", c.Namespace, "name", c.Name, "kubeconfig", c.Kubeconfig, "context", c.Context)
			options = append(options, Field{Name: "configMap", Value: Value{Kind: Map, Fields: at}})
		}
	case "s3":
		fields = append(fields, text("backend", s.Backend))
		options = given("bucket", s.Bucket, "key", s.Key, "region", s.Region,
			"endpoint", s.Endpoint, "profile", s.Profile, "kmsKeyID", s.KMSKeyID)
		if s.PathStyle {
			options = append(options, Field{Name: "pathStyle", Value: Value{Kind: Bool, Text: strconv.FormatBool(true)}})
		}
	default:
		return nil, fmt.Errorf("the state has the unknown backend %q", s.Backend)
	}
	fields = append(fields, Field{Name: "options", Value: Value{Kind: Map, Fields: options}})
	fields = append(fields, src.Keeping.Fields...)
	f := Field{Name: "state", Pos: w.written.State, Value: Value{Kind: Map, Fields: fields}}
	return &unit{pos: f.Pos, field: w.field(&f, nil)}, nil
}

// nameVariables gives each variable a hidden field.
func (w *cueWriter) nameVariables() {
	w.variables = make(map[string]string, len(w.written.Variables))
	w.values = make(map[string]*Value, len(w.written.Variables))
	for i := range w.written.Variables {
		f := &w.written.Variables[i]
		w.variables[f.Name], w.values[f.Name] = w.hidden(f.Name), &f.Value
	}
}

// hidden is a name for a hidden field that no other has: the first of those that are wanted, or the last with a number.
func (w *cueWriter) hidden(wanted ...string) string {
	var name string
	for _, want := range wanted {
		if name = hiddenName(want); !w.taken[name] {
			w.taken[name] = true
			return name
		}
	}
	n := 2
	for w.taken[name+strconv.Itoa(n)] {
		n++
	}
	name += strconv.Itoa(n)
	w.taken[name] = true
	return name
}

// hiddenName is a name as a hidden field has it: none that CUE keeps for itself, and none that looks like a field of the
// toolchain that was mistyped.
func hiddenName(want string) string {
	name := "_" + strings.TrimLeft(identifier(want), "_")
	if name == "_" || Nearest(name, []string{"tools", "state", "plugins"}) != "" {
		return "_" + identifier("value-"+want)
	}
	return name
}

// identifier is a name with nothing but letters and digits, each word but the first with a capital.
func identifier(name string) string {
	var b strings.Builder
	capital := false
	for _, r := range name {
		switch {
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			if capital && b.Len() > 0 {
				r = unicode.ToUpper(r)
			}
			b.WriteRune(r)
			capital = false
		default:
			capital = true
		}
	}
	return b.String()
}

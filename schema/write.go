package schema

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
)

// Written is how a [Source] came about: what was written where its values stand.
type Written struct {
	// Variables are those that there are, with their values.
	Variables []Field
	// Templates are the strings that variables were put into, by the places of their values.
	Templates map[Pos][]Filled
	// Comments are those of all files, without their signs: of each file from top to bottom.
	Comments []Comment
}

// Filled is a part of a string: the text that was written, or a variable, in whose name dots lead into maps.
type Filled struct{ Text, Variable string }

// Comment is a comment and the place of what it stands at.
type Comment struct {
	Pos  Pos
	Text string
}

// FormatCUE is a CUE file as the stock `cue fmt` leaves it. name is for errors.
func FormatCUE(name string, text []byte) ([]byte, error) {
	out, err := format.Source(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// WriteCUE is a source that [Loader.Check] has nothing against as a CUE file. Variables become the fields of _vars, a
// `[[ name ]]` a reference to one of them, and a reference to an output one to the output's field. What cannot be said so
// stays the text that it was. written may be nil: then values are as they were filled in.
func (l *Loader) WriteCUE(src *Source, written *Written) ([]byte, error) {
	if written == nil {
		written = &Written{}
	}
	w := cueWriter{loader: l, written: written, comments: slices.Clone(written.Comments), tools: map[ID]bool{}}
	for i := range src.Tools {
		w.tools[MakeID(src.Tools[i].Plugin.Text, src.Tools[i].Instance.Text)] = true
	}
	fmt.Fprintf(&w.out, "package toolchain\n\nimport %q\n\nschema.#Toolchain\n", ModulePath+"/schema")
	if err := w.state(src); err != nil {
		return nil, err
	}
	if src.Plugins.Kind == Map && len(src.Plugins.Fields) > 0 {
		w.section(Field{Name: "plugins", Pos: src.Plugins.Pos, Value: src.Plugins})
	}
	if len(written.Variables) > 0 {
		vars := Value{Kind: Map, Fields: written.Variables}
		w.section(Field{Name: variablesField, Pos: written.Variables[0].Pos, Value: vars})
	}
	for i := range src.Tools {
		w.tool(&src.Tools[i])
	}
	for _, c := range w.comments {
		w.out.WriteString("\n" + comment(c.Text, "// ", ""))
	}
	text, err := format.Source([]byte(w.out.String()), format.Simplify())
	if err != nil {
		return nil, fmt.Errorf("write CUE: %w", err)
	}
	return text, nil
}

// variablesField is hidden, so that nothing takes it for a part of the toolchain.
const variablesField = "_vars"

// cueWriter writes one file.
type cueWriter struct {
	loader  *Loader
	written *Written
	// comments are those that have not been written.
	comments []Comment
	tools    map[ID]bool
	out      strings.Builder
	// names are the fields around the one at hand; they hide others of the same name from its references.
	names []string
}

// section writes a field of the toolchain after a blank line.
func (w *cueWriter) section(f Field) {
	w.out.WriteString("\n")
	w.field(f, 0)
	w.out.WriteString("\n")
}

func (w *cueWriter) tool(t *SourceTool) {
	w.out.WriteString("\n")
	w.commentsTo(t.Pos, 0)
	var fields []Field
	if len(t.DependsOn) > 0 {
		list := Value{Kind: List, Pos: t.DependsOn[0].Pos}
		for _, d := range t.DependsOn {
			list.Items = append(list.Items, Value{Kind: String, Pos: d.Pos, Text: d.Text})
		}
		fields = append(fields, Field{Name: "dependsOn", Value: list})
	}
	if t.Lifecycle.Kind == Map && len(t.Lifecycle.Fields) > 0 {
		fields = append(fields, Field{Name: "lifecycle", Value: t.Lifecycle})
	}
	options := Value{Kind: Map, Fields: t.Options.Fields}
	if len(options.Fields) > 0 || len(fields) == 0 {
		fields = append(fields, Field{Name: "options", Value: options})
	}
	fmt.Fprintf(&w.out, "tools: %s: ", cueLabel(t.Plugin.Text))
	w.names = append(w.names, t.Plugin.Text)
	w.field(Field{Name: t.Instance.Text, Value: Value{Kind: Map, Fields: fields}}, 0)
	w.names = w.names[:len(w.names)-1]
	w.out.WriteString("\n")
}

// commentsTo writes the comments of the file that stand down to a place.
func (w *cueWriter) commentsTo(pos Pos, depth int) {
	w.comments = slices.DeleteFunc(w.comments, func(c Comment) bool {
		if c.Pos.File != pos.File || c.Pos.Line > pos.Line {
			return false
		}
		w.out.WriteString(comment(c.Text, "// ", strings.Repeat("\t", depth)))
		return true
	})
}

// commented tells whether a comment of the file stands between two places.
func (w *cueWriter) commented(to Pos) bool {
	return slices.ContainsFunc(w.comments, func(c Comment) bool { return c.Pos.File == to.File && c.Pos.Line <= to.Line })
}

// field writes a field without the end of its line. What is inside is written in the same line while it is alone.
func (w *cueWriter) field(f Field, depth int) {
	w.commentsTo(f.Pos, depth)
	w.out.WriteString(cueLabel(f.Name) + ": ")
	w.names = append(w.names, f.Name)
	if v := f.Value; v.Kind == Map && len(v.Fields) == 1 && !w.commented(v.Fields[0].Pos) {
		w.field(v.Fields[0], depth)
	} else {
		w.value(&v, depth)
	}
	w.names = w.names[:len(w.names)-1]
}

func (w *cueWriter) value(v *Value, depth int) {
	indent := strings.Repeat("\t", depth)
	switch v.Kind {
	case Null:
		w.out.WriteString("null")
	case Bool, Int, Float:
		if text, ok := w.filled(v, depth); ok {
			w.out.WriteString(text)
			return
		}
		w.out.WriteString(v.Text)
	case String:
		w.out.WriteString(w.text(v, depth))
	case List:
		w.list(v, depth)
	case Map:
		if len(v.Fields) == 0 {
			w.out.WriteString("{}")
			return
		}
		w.out.WriteString("{\n")
		for _, f := range v.Fields {
			w.commentsTo(f.Pos, depth+1)
			w.out.WriteString(indent + "\t")
			w.field(f, depth+1)
			w.out.WriteString("\n")
		}
		w.out.WriteString(indent + "}")
	}
}

// list writes short lists of plain values in one line.
func (w *cueWriter) list(v *Value, depth int) {
	const short = 80
	width, plain := 0, true
	for i := range v.Items {
		width += len(v.Items[i].Text) + 4
		plain = plain && v.Items[i].Kind != List && v.Items[i].Kind != Map && !w.commented(v.Items[i].Pos)
	}
	if plain && width <= short {
		w.out.WriteString("[")
		for i := range v.Items {
			if i > 0 {
				w.out.WriteString(", ")
			}
			w.value(&v.Items[i], depth)
		}
		w.out.WriteString("]")
		return
	}
	indent := strings.Repeat("\t", depth)
	w.out.WriteString("[\n")
	for i := range v.Items {
		w.commentsTo(v.Items[i].Pos, depth+1)
		w.out.WriteString(indent + "\t")
		w.value(&v.Items[i], depth+1)
		w.out.WriteString(",\n")
	}
	w.out.WriteString(indent + "]")
}

// cueLabel is the name of a field as CUE has it.
func cueLabel(name string) string {
	if name == variablesField || !ast.StringLabelNeedsQuoting(name) {
		return name
	}
	return literal.Label.Quote(name)
}

// state writes where the journal is. CUE has other defaults than YAML, so the name of the file is always there.
func (w *cueWriter) state(src *Source) error {
	s := &src.State
	text := func(name, value string) Field { return Field{Name: name, Value: Value{Kind: String, Text: value}} }
	var options, fields []Field
	switch s.Backend {
	case "local":
		options = append(options, text("stateFile", s.StateFile))
	case "s3":
		fields = append(fields, text("backend", s.Backend))
		for _, f := range []Field{
			text("bucket", s.Bucket), text("key", s.Key), text("region", s.Region),
			text("endpoint", s.Endpoint), text("profile", s.Profile), text("kmsKeyID", s.KMSKeyID),
		} {
			if f.Value.Text != "" {
				options = append(options, f)
			}
		}
		if s.PathStyle {
			options = append(options, Field{Name: "pathStyle", Value: Value{Kind: Bool, Text: strconv.FormatBool(true)}})
		}
	default:
		return fmt.Errorf("the state has the unknown backend %q", s.Backend)
	}
	fields = append(fields, Field{Name: "options", Value: Value{Kind: Map, Fields: options}})
	fields = append(fields, src.Keeping.Fields...)
	if len(src.Files) > 0 {
		w.out.WriteString("\n")
		w.commentsTo(w.coreEnd(src), 0)
		w.out.WriteString("\n")
	}
	w.section(Field{Name: "state", Value: Value{Kind: Map, Fields: fields}})
	return nil
}

// coreEnd is the last place of the main file that belongs neither to the variables nor to the tools.
func (w *cueWriter) coreEnd(src *Source) Pos {
	end := Pos{File: src.Files[0], Line: math.MaxInt}
	until := func(at Pos) {
		if at.File == end.File && at.Line <= end.Line {
			end.Line = at.Line - 1
		}
	}
	for _, f := range w.written.Variables {
		until(f.Pos)
	}
	for i := range src.Tools {
		until(src.Tools[i].Pos)
	}
	return end
}

package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
)

// SampleCUE writes a toolchain with one tool of each plugin. It is valid as it stands: values come from the plugin's
// #Sample, comments from its #Options; options that may be left out and have no default, or an empty one, are commented out.
func (l *Loader) SampleCUE(w io.Writer, plugins []string) error {
	samples, err := l.samples(plugins)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package toolchain\n\nimport %q\n\nschema.#Toolchain\n", ModulePath+"/schema")
	for _, name := range plugins {
		b.WriteString("\n" + comment(l.Definition(name).Doc, "// ", ""))
		fmt.Fprintf(&b, "tools: %s: default: options: {\n", label1(name))
		writeSample(&b, l.Definition(name).Options, samples[name], "\t", cueStyle)
		b.WriteString("}\n")
	}
	text, err := format.Source([]byte(b.String()), format.Simplify())
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	_, err = w.Write(text)
	return err
}

// SampleYAML is SampleCUE in DevStream's YAML, as one file.
func (l *Loader) SampleYAML(w io.Writer, plugins []string) error {
	samples, err := l.samples(plugins)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# Where the journal of all changes is kept.\nstate:\n  backend: local\n  options:\n    stateFile: devstream.state\n---\ntools:\n")
	for _, name := range plugins {
		b.WriteString(comment(l.Definition(name).Doc, "# ", ""))
		fmt.Fprintf(&b, "- name: %s\n  instanceID: default\n  dependsOn: []\n  options:\n", name)
		writeSample(&b, l.Definition(name).Options, samples[name], "    ", yamlStyle)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// samples are the values of some plugins' #Sample, with defaults.
func (l *Loader) samples(plugins []string) (map[string]map[string]any, error) {
	schemas, err := l.build(cuecontext.New(), plugins)
	if err != nil {
		return nil, err
	}
	samples := map[string]map[string]any{}
	for _, name := range plugins {
		v := schemas.LookupPath(cue.MakePath(cue.Def("#Plugins"), cue.Str(name), cue.Str("sample")))
		data, err := v.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("sample of plugin %s: %w", name, err)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var fields map[string]any
		if err := dec.Decode(&fields); err != nil {
			return nil, err
		}
		samples[name] = fields
	}
	return samples, nil
}

// style is how a sample is written.
type style struct {
	comment, open, close, indent string
	key                          func(string) string
}

func label1(name string) string {
	if strings.Contains(name, "-") {
		return fmt.Sprintf("%q", name)
	}
	return name
}

var (
	cueStyle  = style{comment: "// ", open: " {\n", close: "}\n", indent: "\t", key: label1}
	yamlStyle = style{comment: "# ", open: "\n", indent: "  ", key: func(name string) string { return name }}
)

func writeSample(b *strings.Builder, fields []FieldDefinition, values map[string]any, indent string, s style) {
	for i := range fields {
		f := &fields[i]
		if f.Name == "*" || f.Name == "[]" {
			continue
		}
		b.WriteString(comment(f.Doc, s.comment, indent))
		value, ok := values[f.Name]
		nested, isMap := value.(map[string]any)
		switch {
		case !ok:
			fmt.Fprintf(b, "%s%s%s: %s\n", indent, s.comment, s.key(f.Name), f.Type)
		case f.leftOut(value):
			empty := `""`
			if isMap {
				empty = "{}"
			}
			fmt.Fprintf(b, "%s%s%s: %s\n", indent, s.comment, s.key(f.Name), empty)
		case isMap && len(nested) > 0 && len(f.Fields) > 0 && f.Fields[0].Name != "*":
			b.WriteString(indent + s.key(f.Name) + ":" + s.open)
			writeSample(b, f.Fields, nested, indent+s.indent, s)
			if s.close != "" {
				b.WriteString(indent + s.close)
			}
		default:
			fmt.Fprintf(b, "%s%s: %s\n", indent, s.key(f.Name), s.literal(value, indent))
		}
	}
}

// leftOut tells whether the value is the empty one that an option has anyway: it tells a reader nothing.
func (f *FieldDefinition) leftOut(value any) bool {
	switch v := value.(type) {
	case string:
		return v == "" && strings.HasPrefix(f.Type, `*""`)
	case map[string]any:
		if f.Required || len(v) > 0 && len(f.Fields) == 0 {
			return false
		}
		for name, inner := range v {
			if in := Find(f.Fields, []string{name}); in == nil || !in.leftOut(inner) {
				return false
			}
		}
		return true
	}
	return false
}

// literal is a value as the sample has it. Text of several lines is written as such.
func (s style) literal(value any, indent string) string {
	text, isText := value.(string)
	body, ended := strings.CutSuffix(text, "\n")
	switch lines := strings.Contains(body, "\n"); {
	case !isText || !lines:
	case s.close != "":
		return literal.String.WithOptionalTabIndent(len(indent) + 1).Quote(text)
	case ended && !strings.HasSuffix(body, "\n") && !strings.HasPrefix(text, " ") && strings.IndexFunc(text, unprintable) < 0:
		var b strings.Builder
		b.WriteString("|")
		for line := range strings.Lines(body) {
			b.WriteString("\n" + strings.TrimRight(indent+s.indent+strings.TrimSuffix(line, "\n"), " "))
		}
		return b.String()
	}
	// JSON is CUE, and YAML's flow style.
	data, err := marshal(value)
	if err != nil {
		return "null" // what came from JSON goes back to it
	}
	return string(data)
}

// unprintable tells whether a block of YAML cannot have the letter in it.
func unprintable(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

func comment(doc, sign, indent string) string {
	if doc == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(doc) {
		b.WriteString(strings.TrimRight(indent+sign+strings.TrimSuffix(line, "\n"), " ") + "\n")
	}
	return b.String()
}

package schema

import (
	"fmt"
	"strings"
)

// Reference is one `${{ … }}` in the options of a tool. It is either to an output of another tool,
// `${{ plugin.instance.outputs.key[.nested] }}`, or to the environment, `${{ env.NAME }}`.
type Reference struct {
	// Path is the option that holds it, as in "options.source.repoURL" or "options.list[2]".
	Path string
	// Tool and Key are the tool and the path below its outputs; Tool is empty for the environment.
	Tool ID
	Key  []string
	// Env is the variable; empty for an output.
	Env string
}

// String is the reference as a user writes it.
func (r Reference) String() string {
	if r.Env != "" {
		return "${{ env." + r.Env + " }}"
	}
	return "${{ " + string(r.Tool) + ".outputs." + strings.Join(r.Key, ".") + " }}"
}

// Part is a piece of a string: literal text, or a reference if Ref is not nil.
type Part struct {
	Text string
	Ref  *Reference
}

const (
	refOpen   = "${{"
	refClose  = "}}"
	refEscape = "$${{"
)

// SplitReferences parts a string into literal text and references. `$${{` stands for a literal `${{`. The references
// have no Path. A string without `${{` comes back as one part, and so does an empty one. Any `${{` that is no
// reference is an error that says what was expected.
func SplitReferences(s string) ([]Part, error) {
	if !strings.Contains(s, refOpen) {
		return []Part{{Text: s}}, nil
	}
	var parts []Part
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, Part{Text: text.String()})
			text.Reset()
		}
	}
	for {
		open := strings.Index(s, refOpen)
		if open < 0 {
			text.WriteString(s)
			break
		}
		if open > 0 && s[open-1] == '$' {
			text.WriteString(s[:open-1] + refOpen)
			s = s[open+len(refOpen):]
			continue
		}
		text.WriteString(s[:open])
		s = s[open+len(refOpen):]
		inner, rest, ok := strings.Cut(s, refClose)
		if !ok {
			return nil, fmt.Errorf("`${{` without `}}`; for a literal `${{` write `$${{`")
		}
		ref, err := parseReference(strings.TrimSpace(inner))
		if err != nil {
			return nil, err
		}
		flush()
		parts = append(parts, Part{Ref: &ref})
		s = rest
	}
	flush()
	return parts, nil
}

// EscapeReferences makes literal text out of s: SplitReferences gives s back as one part.
func EscapeReferences(s string) string {
	if !strings.Contains(s, refOpen) {
		return s
	}
	return strings.ReplaceAll(s, refOpen, refEscape)
}

func parseReference(s string) (Reference, error) {
	bad := func(why string) (Reference, error) {
		return Reference{}, fmt.Errorf("`${{ %s }}` is not a reference: %s; "+
			"write `${{ plugin.instance.outputs.key }}` or `${{ env.NAME }}`, and `$${{` for a literal `${{`", s, why)
	}
	if name, ok := strings.CutPrefix(s, "env."); ok && !strings.Contains(name, ".outputs.") {
		if name == "" || strings.ContainsAny(name, " \t\r\n=.") {
			return bad("no variable is called that")
		}
		return Reference{Env: name}, nil
	}
	tool, key, ok := strings.Cut(s, ".outputs.")
	if !ok {
		return bad("it has no `.outputs.`")
	}
	id, err := ParseID(tool)
	if err != nil {
		return bad(err.Error())
	}
	keys := strings.Split(key, ".")
	for _, k := range keys {
		if k == "" || strings.ContainsAny(k, " \t\r\n") {
			return bad("the output's name is empty or has blanks")
		}
	}
	return Reference{Tool: id, Key: keys}, nil
}

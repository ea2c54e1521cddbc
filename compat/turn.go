package compat

import (
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// turner puts new names where tools are referred to.
type turner struct {
	names map[schema.ID]schema.ID
	// seen are the lists and maps that have been gone through; aliases share them.
	seen map[any]bool
}

func (t *turner) id(id schema.ID) schema.ID {
	if to, ok := t.names[id]; ok {
		return to
	}
	return id
}

func (t *turner) value(v *schema.Value) {
	var shared any
	switch {
	case v.Kind == schema.String:
		v.Text = t.references(v.Text)
		return
	case len(v.Items) > 0:
		shared = &v.Items[0]
	case len(v.Fields) > 0:
		shared = &v.Fields[0]
	default:
		return
	}
	if t.seen[shared] {
		return
	}
	t.seen[shared] = true
	for i := range v.Items {
		t.value(&v.Items[i])
	}
	for i := range v.Fields {
		t.value(&v.Fields[i].Value)
	}
}

// references turns the references in a text. What is none stays, so that the checks to come can show it.
func (t *turner) references(text string) string {
	if !strings.Contains(text, "${{") {
		return text
	}
	parts, err := schema.SplitReferences(text)
	if err != nil {
		return text
	}
	var b strings.Builder
	for _, p := range parts {
		if p.Ref == nil {
			b.WriteString(schema.EscapeReferences(p.Text))
			continue
		}
		if old := p.Ref.Tool; t.names[old] != "" {
			p.Ref.Tool = t.names[old]
			p.Ref.Key = outputKey(old, p.Ref.Key)
		}
		b.WriteString(p.Ref.String())
	}
	return b.String()
}

// outputKey is the name here of an output that a tool of DevStream had.
func outputKey(old schema.ID, key []string) []string {
	if old.Plugin() != "helm-installer" {
		return key
	}
	switch key[0] {
	case "jenkins_url", "jenkinsURL", "devlake_url", "devlakeURL":
		return []string{"url"}
	}
	return key
}

package compat

import (
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// turner changes the references in values.
type turner struct {
	turn func(ref *schema.Reference)
	// seen are the lists and maps that have been gone through; aliases share them.
	seen map[any]bool
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
		t.turn(p.Ref)
		b.WriteString(p.Ref.String())
	}
	return b.String()
}

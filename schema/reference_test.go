package schema

import (
	"strings"
	"testing"
)

func TestSplitReferences(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"${{ a.b.outputs.c }}", "<a.b outputs c>"},
		{"${{a.b.outputs.c.d}}x", "<a.b outputs c.d>x"},
		{"x ${{ a.b.c.outputs.d }}-${{  env.HOME  }} y", "x <a.b.c outputs d>-<env HOME> y"},
		{"$${{ a }} ${{ env.X }}", "${{ a }} <env X>"},
		{"$$${{", "$${{"},
		{"${ {{ $x $1 }}", "${ {{ $x $1 }}"},
		{"line\n${{ a.b.outputs.c }}\n", "line\n<a.b outputs c>\n"},
	} {
		parts, err := SplitReferences(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if got := printParts(parts); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
	for _, bad := range []string{"${{", "${{ a", "${{}}", "${{ a }}", "${{ a.b }}", "${{ a.b.outputs. }}", "${{ a.b.outputs.c..d }}",
		"${{ a.outputs.c }}", "${{ A.b.outputs.c }}", "${{ env. }}", "${{ env.A B }}", "${{ a.b.outputs.c d }}", "${{ secrets.TOKEN }}"} {
		if parts, err := SplitReferences(bad); err == nil {
			t.Errorf("%q was taken as %s", bad, printParts(parts))
		}
	}
}

func printParts(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Ref == nil:
			b.WriteString(p.Text)
		case p.Ref.Env != "":
			b.WriteString("<env " + p.Ref.Env + ">")
		default:
			b.WriteString("<" + string(p.Ref.Tool) + " outputs " + strings.Join(p.Ref.Key, ".") + ">")
		}
	}
	return b.String()
}

func FuzzReferences(f *testing.F) {
	for _, s := range []string{"", "${{ a.b.outputs.c }}", "$${{", "x${{ env.X }}y", "}}${{", "$$$${{ a.b.outputs.c }}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped, err := SplitReferences(EscapeReferences(s))
		if err != nil || len(escaped) > 1 || len(escaped) == 1 && escaped[0].Text != s {
			t.Fatalf("%q escaped does not come back: %v %v", s, escaped, err)
		}
		parts, err := SplitReferences(s)
		if err != nil {
			return
		}
		// What was taken apart can be written and means the same.
		var b strings.Builder
		for _, p := range parts {
			if p.Ref != nil {
				b.WriteString(p.Ref.String())
			} else {
				b.WriteString(EscapeReferences(p.Text))
			}
		}
		again, err := SplitReferences(b.String())
		if err != nil || printParts(again) != printParts(parts) {
			t.Fatalf("%q: %q then %q, %v", s, printParts(parts), printParts(again), err)
		}
	})
}

package schema

import (
	"cmp"
	"slices"
	"strings"
)

// text is the comment as it is printed: a newline at its end is a blank line below it.
func (c *Comment) text() string {
	if c.Apart {
		return c.Text + "\n"
	}
	return c.Text
}

// placed are comments by the places of what they stand at.
func placed(comments []Comment) map[Pos][]*Comment {
	at := make(map[Pos][]*Comment, len(comments))
	for i := range comments {
		c := &comments[i]
		at[c.Pos] = append(at[c.Pos], c)
		if c.Value != c.Pos && c.Value.IsValid() {
			at[c.Value] = append(at[c.Value], c)
		}
	}
	return at
}

// remarks are the comments of a field.
type remarks struct {
	above, below []string
	behind       string
}

func (r *remarks) empty() bool { return len(r.above) == 0 && len(r.below) == 0 && r.behind == "" }

// all are their texts.
func (r *remarks) all() []string {
	all := slices.Clone(r.above)
	if r.behind != "" {
		all = append(all, r.behind)
	}
	return append(all, r.below...)
}

// remarks takes the comments that stand at one of some places.
func (w *cueWriter) remarks(at ...Pos) (r remarks) {
	for _, pos := range at {
		for _, c := range w.commentsAt[pos] {
			w.forget(c, pos)
			switch {
			case c.Side == Below:
				r.below = append(r.below, c.Text)
			case c.Side == Behind && r.behind == "" && !strings.Contains(c.Text, "\n"):
				r.behind = c.Text
			default:
				r.above = append(r.above, c.text())
			}
		}
		delete(w.commentsAt, pos)
	}
	return r
}

// forget takes a comment from the other place that it was to be found at.
func (w *cueWriter) forget(c *Comment, found Pos) {
	other := c.Pos
	if other == found {
		other = c.Value
	}
	if other != found {
		w.commentsAt[other] = slices.DeleteFunc(w.commentsAt[other], func(o *Comment) bool { return o == c })
	}
}

// remaining puts the comments whose fields are not in CUE where they belong: to what comes, if they stood at the top of a
// document, and else to what they stood in.
func (w *cueWriter) remaining(files []string) {
	before := func(a, b Pos) int { return order(files, a, b) }
	var placed []*unit
	for _, u := range w.units {
		if u.pos.IsValid() {
			placed = append(placed, u)
		}
	}
	slices.SortStableFunc(placed, func(a, b *unit) int { return before(a.pos, b.pos) })
	var rest []*Comment
	seen := map[*Comment]bool{}
	for _, all := range w.commentsAt {
		for _, c := range all {
			if !seen[c] {
				rest = append(rest, c)
				seen[c] = true
			}
		}
	}
	slices.SortStableFunc(rest, func(a, b *Comment) int { return cmp.Or(before(a.Pos, b.Pos), int(a.Side)-int(b.Side)) })
	leading, inside := map[*unit][]string{}, map[*unit][]string{}
	var end []string
	give := func(u *unit, c *Comment) {
		if before(c.Pos, u.pos) <= 0 {
			leading[u] = append(leading[u], c.text())
		} else {
			inside[u] = append(inside[u], c.Text)
		}
	}
	fields := w.fieldsByPlace(files)
	for _, c := range rest {
		if f := near(fields, files, c); f != nil {
			f.above = append(f.above, c.Text)
			continue
		}
		after, _ := slices.BinarySearchFunc(placed, c.Pos, func(u *unit, pos Pos) int {
			if d := before(u.pos, pos); d != 0 {
				return d
			}
			return -1
		})
		inFile := func(i int) bool { return i >= 0 && i < len(placed) && placed[i].pos.File == c.Pos.File }
		comes := c.Top && c.Side != Below
		switch {
		case comes && inFile(after):
			give(placed[after], c)
		case c.Side == Below && c.Top:
			end = append(end, c.Text)
		case inFile(after - 1):
			give(placed[after-1], c)
		case inFile(after):
			give(placed[after], c)
		case len(w.units) > 0 && len(files) > 0 && c.Pos.File == files[0]:
			// The main file names the others, and the state is its own.
			give(w.units[0], c)
		default:
			end = append(end, c.Text)
		}
	}
	for _, u := range w.units {
		u.field.above = slices.Concat(leading[u], u.field.above, inside[u])
	}
	w.end = end
}

// order compares places by files and then by lines.
func order(files []string, a, b Pos) int {
	if a.File != b.File {
		return slices.Index(files, a.File) - slices.Index(files, b.File)
	}
	return cmp.Or(a.Line-b.Line, a.Column-b.Column)
}

// fieldsByPlace are the fields of the options of all tools by the places of their values.
func (w *cueWriter) fieldsByPlace(files []string) []*field {
	var all []*field
	var walk func(n *node)
	walk = func(n *node) {
		for i := range n.fields {
			all = append(all, &n.fields[i])
			walk(n.fields[i].value)
		}
		for _, item := range n.items {
			walk(item)
		}
	}
	for _, u := range w.units {
		if u.options != nil {
			walk(u.options)
		}
	}
	slices.SortStableFunc(all, func(a, b *field) int { return order(files, a.value.pos, b.value.pos) })
	return all
}

// near is the field that was made of what stands right below a comment, or in the same line. Nil if there is none.
func near(fields []*field, files []string, c *Comment) *field {
	lines := 1
	switch {
	case c.Top, c.Side == Below:
		return nil
	case c.Side == Behind:
		lines = 0
	}
	i, _ := slices.BinarySearchFunc(fields, c.Pos, func(f *field, pos Pos) int {
		if d := order(files, f.value.pos, pos); d != 0 {
			return d
		}
		return 1
	})
	if i == len(fields) {
		return nil
	}
	at := fields[i].value.pos
	if at.File != c.Pos.File || at.Line > c.Pos.Line+lines {
		return nil
	}
	return fields[i]
}

package compat

import "github.com/devstream-io/dtm/schema"

// formerly is what DevStream did about mistakes that the schema finds. Names of instances and dependencies were checked up
// to 0.4 and again from 0.10 on.
func (r *reader) formerly() map[schema.Mistake]string {
	const (
		skipped = "DevStream skipped this tool, and reported success"
		text    = "DevStream left it as text"
	)
	switch {
	case r.old:
		return map[schema.Mistake]string{schema.NoReference: text}
	case !r.lenient:
		return map[schema.Mistake]string{schema.Dangling: skipped, schema.NoReference: text}
	}
	return map[schema.Mistake]string{
		schema.Dangling: skipped, schema.NoReference: text,
		schema.NoSuchTool: "DevStream ignored the dependency", schema.BadInstance: "DevStream did not look",
	}
}

// emptyList tells of a list without tools, which is no mistake by itself.
func (r *reader) emptyList() {
	pos := r.toolsAt
	if !pos.IsValid() {
		pos = schema.Pos{File: r.path}
	}
	r.note(pos, "tools", "there are no tools: DevStream deleted all that it had made; `dtm apply` does that with --allow-empty only")
}

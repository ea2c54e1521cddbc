package compat

import "github.com/devstream-io/dtm/schema"

// letPass is what DevStream did about mistakes that the schema finds. Names of instances and dependencies were checked up
// to 0.4 and again from 0.10 on.
func (r *reader) letPass() map[schema.Mistake]string {
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

package schema

import "strings"

// nameOutputs gives the outputs of a tool a hidden field where they are used several times.
func (w *cueWriter) nameOutputs() {
	const several = 2
	uses := map[ID]int{}
	count := func(pieces []piece) {
		for i := range pieces {
			if pieces[i].ref != nil {
				uses[pieces[i].ref.Tool]++
			}
		}
	}
	var walk func(n *node)
	walk = func(n *node) {
		count(n.pieces)
		for i := range n.fields {
			walk(n.fields[i].value)
		}
		for _, item := range n.items {
			walk(item)
		}
	}
	for _, u := range w.units {
		walk(u.field.value)
	}
	for _, b := range w.shared {
		walk(b.body)
	}
	instances := map[string]int{}
	for id, n := range uses {
		if n >= several {
			instances[id.Plugin()]++
		}
	}
	for _, u := range w.units {
		if u.id == "" || uses[u.id] < several {
			continue
		}
		name := w.outputsName(u.id)
		if instances[u.id.Plugin()] > 1 {
			name += "-" + u.id.Instance()
		}
		w.aliases[u.id] = w.hidden(name, name+"-outputs")
	}
}

// outputsName is what the outputs of a tool are about: a word of the plugin's name that one of them is called by, as the repo
// of github-repo-scaffolding-golang, and else the plugin.
func (w *cueWriter) outputsName(id ID) string {
	if def := w.loader.Definition(id.Plugin()); def != nil {
		for word := range strings.SplitSeq(id.Plugin(), "-") {
			if Find(def.Outputs, []string{word}) != nil {
				return word
			}
		}
	}
	return id.Plugin()
}

// isOutput tells whether a reference is to a field that CUE has: what is below an output is not known to it.
func (w *cueWriter) isOutput(r *Reference) bool {
	if r.Env != "" || len(r.Key) != 1 || !w.tools[r.Tool] {
		return false
	}
	def := w.loader.Definition(r.Tool.Plugin())
	return def != nil && Find(def.Outputs, r.Key) != nil
}

// expression is a piece that is no text.
func (w *cueWriter) expression(p *piece) string {
	if p.ref == nil {
		return p.expr
	}
	return w.outputs(p.ref.Tool) + selector(p.ref.Key[0])
}

// outputs is what refers to the outputs of a tool.
func (w *cueWriter) outputs(id ID) string {
	if alias := w.aliases[id]; alias != "" {
		return alias
	}
	return outputsOf(id)
}

func outputsOf(id ID) string {
	return "tools" + selector(id.Plugin()) + selector(id.Instance()) + ".outputs"
}

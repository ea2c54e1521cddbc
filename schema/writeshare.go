package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// block is what several tools have in common, as a hidden field.
type block struct {
	name string
	body *node
	// users are the tools that have it; it stands before the first of them.
	users []*unit
}

// share finds what several tools have in common: first options of one plugin, which may differ in parts, and then maps in the
// options of any that are the same. Something is shared if the file gets shorter by it.
func (w *cueWriter) share() {
	byPlugin := map[string][]*unit{}
	var plugins []string
	for _, u := range w.units {
		if u.options == nil {
			continue
		}
		if byPlugin[u.id.Plugin()] == nil {
			plugins = append(plugins, u.id.Plugin())
		}
		byPlugin[u.id.Plugin()] = append(byPlugin[u.id.Plugin()], u)
	}
	for _, plugin := range plugins {
		for _, c := range clusters(byPlugin[plugin]) {
			if saved(len(c.units), c.common.leaves()) > 1 {
				w.shareOptions(plugin, c)
			}
		}
	}
	w.shareMaps()
}

// saved is by how many lines a file is shorter if so many values stand once and not for each of the users, who then say
// what they mean in a line.
func saved(users, values int) int { return (users-1)*values - users }

// cluster is tools of a plugin whose options have much in common.
type cluster struct {
	units  []*unit
	common *node
}

// clusters puts tools of a plugin together that have at least half of their options in common, or were written in one
// place.
func clusters(units []*unit) []*cluster {
	// So many different ones make a file of which nobody expects beauty.
	const most = 32
	var found []*cluster
	for _, u := range units {
		if len(u.options.fields) == 0 {
			continue
		}
		joined := false
		for _, c := range found {
			both := common(c.common, u.options)
			if both == nil {
				continue
			}
			first := c.units[0].options
			samePlace := first.pos == u.options.pos && first.pos.IsValid()
			if !samePlace && 2*both.leaves() < max(u.options.leaves(), first.leaves()) {
				continue
			}
			c.units, c.common, joined = append(c.units, u), both, true
			break
		}
		if !joined && len(found) < most {
			found = append(found, &cluster{units: []*unit{u}, common: u.options})
		}
	}
	return found
}

// shareOptions makes a hidden field of what the options of some tools have in common.
func (w *cueWriter) shareOptions(plugin string, c *cluster) {
	name := w.written.Names[c.units[0].options.pos]
	for _, u := range c.units {
		if other := w.written.Names[u.options.pos]; other != "" && other != name {
			name = "" // they have several names
		}
	}
	b := &block{name: w.hidden(cmp.Or(name, plugin), cmp.Or(name, plugin)+"-options"), body: c.common, users: c.units}
	have := c.common.all()
	for _, u := range c.units {
		rest, lost := u.options.without(c.common)
		u.addLost(lost, have)
		rest.base = b.name
		*u.options = *rest
	}
	w.shared = append(w.shared, b)
}

// addLost keeps the comments of what has been shared and are not there.
func (u *unit) addLost(lost, have []string) {
	for _, text := range lost {
		if !slices.Contains(have, text) && !slices.Contains(u.field.above, text) {
			u.field.above = append(u.field.above, text)
		}
	}
}

// occurrence is a map in the options of a tool.
type occurrence struct {
	field *field
	unit  *unit
	gone  bool
}

// shareMaps makes hidden fields of maps that are the same in several tools, the largest first.
func (w *cueWriter) shareMaps() {
	places := map[string][]*occurrence{}
	at := map[*node][]*occurrence{}
	var keys []string
	var walk func(n *node, u *unit)
	walk = func(n *node, u *unit) {
		for i := range n.fields {
			f := &n.fields[i]
			if f.value.kind == Map && len(f.value.fields) > 0 {
				key := f.value.key()
				if places[key] == nil {
					keys = append(keys, key)
				}
				o := &occurrence{field: f, unit: u}
				places[key] = append(places[key], o)
				at[f.value] = append(at[f.value], o)
			}
			walk(f.value, u)
		}
		for _, item := range n.items {
			walk(item, u)
		}
	}
	for _, b := range w.shared {
		walk(b.body, b.users[0])
	}
	for _, u := range w.units {
		if u.options != nil {
			walk(u.options, u)
		}
	}
	size := func(key string) int { return places[key][0].field.value.leaves() }
	slices.SortStableFunc(keys, func(a, b string) int { return size(b) - size(a) })
	var drop func(n *node)
	drop = func(n *node) {
		for i := range n.fields {
			for _, o := range at[n.fields[i].value] {
				o.gone = o.gone || o.field == &n.fields[i]
			}
			drop(n.fields[i].value)
		}
		for _, item := range n.items {
			drop(item)
		}
	}
	for _, key := range keys {
		values := size(key)
		var left []*occurrence
		var users []*unit
		for _, o := range places[key] {
			if o.gone || o.field.value.base != "" {
				continue
			}
			left = append(left, o)
			if !slices.Contains(users, o.unit) {
				users = append(users, o.unit)
			}
		}
		if len(users) < 2 || saved(len(left), values) < 1 {
			continue
		}
		w.shareMap(left, users, drop)
	}
}

// shareMap makes a hidden field of a map that is in several places.
func (w *cueWriter) shareMap(left []*occurrence, users []*unit, drop func(*node)) {
	first := left[0].field
	name := w.written.Names[first.value.pos]
	for _, o := range left {
		if o.field.value.pos != first.value.pos {
			name = ""
		}
	}
	body := first.value
	b := &block{name: w.hidden(cmp.Or(name, first.name)), body: body, users: users}
	have := body.all()
	for _, o := range left {
		if o.field != first {
			o.unit.addLost(o.field.value.all(), have)
			if o.field.value != body {
				drop(o.field.value)
			}
		}
		o.field.value = &node{kind: Map, base: b.name}
	}
	w.shared = append(w.shared, b)
}

// remark says what a block is.
func (b *block) remark() string {
	const few = 3
	if len(b.users) > few {
		return fmt.Sprintf("What %d tools have in common.", len(b.users))
	}
	names := make([]string, len(b.users))
	for i, u := range b.users {
		names[i] = string(u.id)
	}
	last := len(names) - 1
	return "What " + strings.Join(names[:last], ", ") + " and " + names[last] + " have in common."
}

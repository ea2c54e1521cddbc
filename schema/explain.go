package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/errors"
)

// finding is one error of CUE, taken apart.
type finding struct {
	path []string
	msg  string
	own  []Pos
	// whole tells that msg needs no more words, and shows no value.
	whole bool
}

// explain turns CUE's errors into ours: one a path, at the user's place, with what was expected and what was meant.
func (p *located) explain(l *Loader, err error, more ...error) error {
	found := p.named
	for _, err := range append([]error{err}, more...) {
		for _, e := range errors.Errors(err) {
			f := finding{path: pathOf(e), msg: messageOf(e), own: p.users(errors.Positions(e))}
			if f.msg == notAllowed && len(f.path) > 1 && f.path[0] == "tools" && l.plugins[f.path[1]] != nil && !slices.Contains(p.plugins, f.path[1]) {
				p.missed = true
			}
			// That the value was used somewhere tells less than what is wrong with it.
			if cause, ok := strings.CutPrefix(f.msg, "invalid interpolation: "); ok && p.expected(f.path) != "" {
				f.msg, f.own = cause, nil
			}
			found = append(found, f)
		}
	}
	return l.report(found, source{place: p.place, names: p.instances, expected: p.expected})
}

// source is what is known of where the mistakes were made.
type source struct {
	place placer
	// names are instances that may have been meant.
	names []string
	// expected is the constraint that the user's own files put on a path; empty if there is none. May be nil.
	expected func(path []string) string
	// origin is where the value at a path comes from, nil if it stands there. May be nil.
	origin func(path []string) *Origin
	// letPass is Source.LetPass.
	letPass map[Mistake]string
}

func pathOf(e errors.Error) []string {
	path := slices.Clone(e.Path())
	for i, s := range path {
		if u, err := strconv.Unquote(s); err == nil {
			path[i] = u
		}
	}
	if len(path) > 0 && (path[0] == "_tools" || path[0] == "_state" || path[0] == "_plugins") {
		path[0] = path[0][1:]
	}
	return path
}

// messageOf is the error's text without the path that CUE puts before it.
func messageOf(e errors.Error) string {
	msg := e.Error()
	if prefix := strings.Join(e.Path(), "."); prefix != "" {
		msg = strings.TrimPrefix(msg, prefix+": ")
	}
	return withoutCredentials(strings.TrimSpace(msg))
}

// withoutCredentials hides those in URLs, as people paste them: a mistake in one is told without them.
func withoutCredentials(msg string) string { return credentials.ReplaceAllString(msg, "$1***@") }

var credentials = regexp.MustCompile(`(://)[^/?#\s"@]+@`)

// report makes one Error a path.
func (l *Loader) report(found []finding, src source) error {
	found = encryptionTold(found)
	byPath := map[string][]finding{}
	var order []string
	for _, f := range found {
		if path := l.misnamed(f); len(path) < len(f.path) {
			f.path, f.own = path, nil
		}
		key := strings.Join(f.path, "\x00")
		if len(f.path) == 0 {
			// Without a path, as for syntax, every error stands for itself.
			key = "\x00" + f.msg + fmt.Sprint(f.own)
		}
		if byPath[key] == nil {
			order = append(order, key)
		}
		byPath[key] = append(byPath[key], f)
	}
	// A disjunction that fails because of a mistake elsewhere says nothing of its own.
	var told, echoes Errors
	for _, key := range order {
		e := l.merge(byPath[key], src)
		if slices.ContainsFunc(byPath[key], func(f finding) bool { return !strings.Contains(f.msg, disjunction) }) {
			told = append(told, e)
		} else {
			echoes = append(echoes, e)
		}
	}
	if len(told) == 0 {
		return echoes.Err()
	}
	return told.Err()
}

// misnamed is the path of the name that is not allowed, where CUE complains of what is below it.
func (l *Loader) misnamed(f finding) []string {
	switch {
	case f.msg == notAllowed && len(f.path) > 2 && f.path[0] == "plugins" && CheckPluginName(f.path[1]) != nil:
		return f.path[:2]
	case f.msg != notAllowed || len(f.path) < 3 || f.path[0] != "tools":
	case l.plugins[f.path[1]] == nil:
		return f.path[:2]
	case CheckInstanceName(f.path[2]) != nil:
		return f.path[:3]
	}
	return f.path
}

// The words of CUE that are told apart.
const (
	notAllowed     = "field not allowed"
	notPresent     = "field is required but not present"
	undefinedField = "undefined field: "
	disjunction    = "errors in empty disjunction"
)

func (l *Loader) merge(group []finding, src source) *Error {
	best := slices.MinFunc(group, func(a, b finding) int { return a.rank() - b.rank() })
	e := &Error{Path: pathString(best.path), Msg: best.msg}
	for _, f := range group {
		if len(f.own) > 0 && (!e.Pos.IsValid() || f.msg == best.msg) {
			e.Pos = f.own[0]
		}
	}
	if strings.HasPrefix(best.msg, "conflicting values") {
		for _, other := range best.own {
			if other != e.Pos {
				e.Hint = "the other value is at " + other.String()
			}
		}
	}
	if !e.Pos.IsValid() && len(best.path) > 0 {
		e.Pos = src.place(best.path)
	}
	def, from := l.field(best.path), src.from(best.path)
	switch {
	case best.whole:
	case best.msg == notAllowed:
		l.explainName(e, best.path)
	case best.msg == notPresent:
		e.Msg = "field is required"
		if def != nil {
			e.Msg += ": expected " + def.Type
		}
	case strings.Contains(best.msg, undefinedField):
		_, name, _ := strings.Cut(best.msg, undefinedField)
		e.Hint = DidYouMean(strings.TrimSpace(name), append(l.allNames(), src.names...))
	case def != nil && (def.Secret || anySecret(def.Fields)):
		e.Msg = "invalid value (secret): expected " + def.Type
	case from != nil && def != nil && def.Type != "":
		// A secret may be in a variable of any name.
		e.Msg = "invalid value; expected " + def.Type
		if def.wantsText() && from.Whole && slices.ContainsFunc(group, func(f finding) bool { return strings.Contains(f.msg, "mismatched types") }) {
			e.Hint = "write it in quotes"
		}
	case from != nil && strings.Contains(best.msg, "value"):
		e.Msg = "invalid value"
	case def != nil && def.Type != "":
		e.Msg = invalid(best, def) + "; expected " + def.Type
		if e.Hint == "" && def.wantsText() && !strings.ContainsAny(invalid(best, def), "[{") && slices.ContainsFunc(group, func(f finding) bool { return strings.Contains(f.msg, "mismatched types") }) {
			e.Hint = "write it in quotes"
		}
	case len(best.path) > 0 && src.expected != nil:
		if expected := src.expected(best.path); expected != "" {
			e.Msg += "; expected " + expected
		}
	}
	if best.msg != notAllowed && best.msg != notPresent {
		e.Hint = from.hint(e.Hint)
	}
	return e
}

// invalid shortens what CUE says about a value that does not fit: the expected type follows anyway.
func invalid(f finding, def *FieldDefinition) string {
	if value, ok := strings.CutPrefix(f.msg, "invalid value "); ok {
		value, _, _ = strings.Cut(value, " (out of bound")
		value, _, _ = strings.Cut(value, " (does not satisfy")
		return "invalid value " + value
	}
	pair, ok := strings.CutPrefix(f.msg, "conflicting values ")
	left, right, both := strings.Cut(pair, " and ")
	if !ok || !both || len(f.own) > 1 {
		return f.msg
	}
	right, _, _ = strings.Cut(right, " (mismatched")
	words := strings.FieldsFunc(def.Type, func(r rune) bool { return strings.ContainsRune(" *|&()", r) })
	if slices.Contains(words, left) {
		left = right
	}
	return "invalid value " + left
}

// rank puts the message that tells most first.
func (f finding) rank() int {
	switch {
	case f.whole:
		return 0
	case strings.Contains(f.msg, disjunction):
		return 3
	case strings.HasPrefix(f.msg, "conflicting values"):
		return 2
	case strings.HasPrefix(f.msg, "incomplete value"):
		return 4
	}
	return 1
}

// explainName says what else may stand where a name is not allowed.
func (l *Loader) explainName(e *Error, path []string) {
	name := path[len(path)-1]
	var allowed []string
	switch {
	case len(path) == 2 && path[0] == "tools":
		e.Msg = fmt.Sprintf("there is no plugin %q", name)
		e.Hint = DidYouMean(name, l.names)
		if e.Hint == "" {
			e.Hint = "`dtm list plugins` shows them"
		}
		return
	case len(path) == 3 && path[0] == "tools":
		if err := CheckInstanceName(name); err != nil {
			e.Msg = err.Error()
			return
		}
	case len(path) == 2 && path[0] == "plugins":
		if err := CheckPluginName(name); err != nil {
			e.Msg = err.Error()
			return
		}
	case len(path) == 4 && path[0] == "tools":
		allowed = []string{"dependsOn", "lifecycle", "options"}
	default:
		fields, rest := l.part(path)
		if len(rest) > 1 {
			parent := Find(fields, rest[:len(rest)-1])
			if parent == nil {
				return
			}
			fields = parent.Fields
		}
		for _, f := range fields {
			allowed = append(allowed, f.Name)
		}
	}
	if len(allowed) > 0 {
		e.Msg += "; expected one of " + strings.Join(allowed, ", ")
		e.Hint = DidYouMean(name, allowed)
	}
}

// field is the definition of what stands at path, nil if nobody knows.
func (l *Loader) field(path []string) *FieldDefinition {
	fields, rest := l.part(path)
	return Find(fields, rest)
}

// part is what may stand in the part of the configuration that path leads into, and what is left of path there.
func (l *Loader) part(path []string) (fields []FieldDefinition, rest []string) {
	switch {
	case len(path) > 1 && path[0] == "state":
		return l.state(), path[1:]
	case len(path) > 1 && path[0] == "plugins":
		return l.sources(), path[1:]
	case len(path) < 4 || path[0] != "tools" || l.plugins[path[1]] == nil:
	case path[3] == "options":
		return l.Definition(path[1]).Options, path[4:]
	case path[3] == "lifecycle":
		return []FieldDefinition{{Name: path[3], Type: "struct", Fields: l.lifecycle()}}, path[3:]
	}
	return nil, nil
}

func (l *Loader) allNames() []string {
	names := slices.Clone(l.names)
	for _, name := range l.names {
		d := l.Definition(name)
		for _, f := range append(slices.Clone(d.Outputs), d.Options...) {
			names = append(names, f.Name)
		}
	}
	return append(names, "outputs", "options", "tools")
}

// pathString is a path as users write it: tools.localfile.hello.options.list[2].
func pathString(path []string) string {
	var b strings.Builder
	for i, s := range path {
		_, err := strconv.Atoi(s)
		switch {
		case err == nil && i > 0:
			b.WriteString("[" + s + "]")
		case i > 0:
			b.WriteString("." + s)
		default:
			b.WriteString(s)
		}
	}
	return b.String()
}

package schema

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"cuelang.org/go/cue"
)

// lifecycleFields are the fields of #Lifecycle.
func lifecycleFields(schemas cue.Value) ([]FieldDefinition, error) {
	fields, err := fieldsOf(schemas.LookupPath(cue.ParsePath("#Lifecycle")), 0)
	inWords(fields, "#Duration", `a duration as in "90s" or "5m"`)
	return fields, err
}

// inWords puts words where a type is only a name: they are for a user who has made a mistake.
func inWords(fields []FieldDefinition, name, words string) {
	for i := range fields {
		f := &fields[i]
		if strings.Contains(f.Type, name) {
			// What is not even a string does not become right by quotes.
			f.Type, f.kind = spell(f.Type, name, words), cue.BottomKind
		}
		inWords(f.Fields, name, words)
	}
}

// spell puts words for a name, and for the package before it.
func spell(text, name, words string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, name)
		if !found {
			return b.String() + text
		}
		if qualified, ok := strings.CutSuffix(before, "."); ok {
			before = strings.TrimRightFunc(qualified, func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
		}
		b.WriteString(before + words)
		text = after
	}
}

// DefaultLifecycle is what holds for a tool of a plugin that says nothing.
func (l *Loader) DefaultLifecycle(plugin string) Lifecycle {
	lifecycle := DefaultLifecycle()
	if p := l.plugins[plugin]; p != nil {
		lifecycle.PreventDestroy = p.precious
	}
	return lifecycle
}

// lifecycleOf is a checked #Lifecycle; nil if there is none. unsaid is what holds where it says nothing.
func lifecycleOf(v cue.Value, unsaid Lifecycle) (*Lifecycle, error) {
	if !v.Exists() {
		return nil, nil
	}
	var written struct {
		Timeout, Backoff string
		PreventDestroy   *bool
		KeepOnDelete     bool
		IgnoreChanges    []string
	}
	if err := v.Decode(&written); err != nil {
		return nil, fmt.Errorf("lifecycle: %w", err)
	}
	l := &Lifecycle{
		PreventDestroy: unsaid.PreventDestroy, KeepOnDelete: written.KeepOnDelete, IgnoreChanges: written.IgnoreChanges,
	}
	if written.PreventDestroy != nil {
		l.PreventDestroy = *written.PreventDestroy
	}
	var err error
	if l.Retries, err = count(v.LookupPath(cue.ParsePath("retries"))); err != nil {
		return nil, fmt.Errorf("lifecycle.retries: %w", err)
	}
	if l.Backoff, err = time.ParseDuration(written.Backoff); err != nil {
		return nil, fmt.Errorf("lifecycle.backoff: %w", err)
	}
	if written.Timeout == "" {
		return l, nil
	}
	if l.Timeout, err = time.ParseDuration(written.Timeout); err != nil {
		return nil, fmt.Errorf("lifecycle.timeout: %w", err)
	}
	return l, nil
}

// count is a whole number that is not negative. Go's largest stands for all that are larger.
func count(v cue.Value) (int, error) {
	n, err := v.Int64()
	if errors.Is(err, cue.ErrBelow) || n > math.MaxInt {
		return math.MaxInt, nil
	}
	return int(n), err
}

// The beginnings of paths in ignoreChanges.
const (
	optionsRoot  = "options"
	resourceRoot = "resource"
)

// ignored checks the paths of ignoreChanges and makes them what a diff has: each begins with "options." or "resource.".
// They come out sorted, each once.
func (l *Loader) ignored(t *Tool, bad func(path []string, msg, hint string)) {
	def := l.Definition(t.ID.Plugin())
	var paths []string
	for i, written := range t.Lifecycle.IgnoreChanges {
		root, keys := optionsRoot, splitPath(written)
		if len(keys) > 1 && (keys[0] == optionsRoot || keys[0] == resourceRoot) {
			root, keys = keys[0], keys[1:]
		}
		if root == optionsRoot {
			if known := knownPart(def.Options, keys); known < len(keys) || len(keys) == 0 {
				bad([]string{"lifecycle", "ignoreChanges", fmt.Sprint(i)},
					fmt.Sprintf("plugin %s has no option %q", def.Name, strings.TrimPrefix(written, optionsRoot+".")),
					didYouMean(nearestPath(def.Options, keys, known)))
				continue
			}
		}
		paths = append(paths, pathString(append([]string{root}, keys...)))
	}
	slices.Sort(paths)
	t.Lifecycle.IgnoreChanges = slices.Compact(paths)
}

// splitPath takes a path as pathString makes it apart.
func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// knownPart is how many of the keys lead through the fields; all of them if they lead to where the schema leaves open
// what follows. What follows the key of a map may be a part of it: it may have dots in it.
func knownPart(fields []FieldDefinition, keys []string) int {
	for i := range keys {
		f := Find(fields, keys[:i+1])
		if f == nil {
			return i
		}
		open := len(f.Fields) == 0 && f.kind&(cue.StructKind|cue.ListKind) != 0
		if open || f.Name == "*" && Find(f.Fields, keys[i+1:]) == nil {
			return len(keys)
		}
	}
	return len(keys)
}

// nearestPath is the path that was probably meant; empty if none is near. The first known keys are right.
func nearestPath(fields []FieldDefinition, keys []string, known int) string {
	if known == len(keys) {
		return ""
	}
	siblings := fields
	if known > 0 {
		siblings = Find(fields, keys[:known]).Fields
	}
	var names []string
	for _, f := range siblings {
		names = append(names, f.Name)
	}
	meant := append([]string{optionsRoot}, keys...)
	if near := Nearest(keys[known], names); near != "" {
		meant[known+1] = near
		return pathString(meant)
	}
	if root := Nearest(keys[0], []string{optionsRoot, resourceRoot}); root != "" && len(keys) > 1 {
		meant[1] = root
		return pathString(meant[1:])
	}
	return ""
}

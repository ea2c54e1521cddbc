package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/schema"
)

// The schema is the single source of truth; the Go types mirror it.
func TestGoTypesOfEveryPluginMirrorItsSchema(t *testing.T) {
	set, err := all.Set(environment(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	loader, err := newLoader(set)
	if err != nil {
		t.Fatal(err)
	}
	if len(set) == 0 {
		t.Fatal("no plugins")
	}
	for _, name := range set.Names() {
		options, resource := set[name].Types()
		def := loader.Definition(name)
		compareFields(t, name+" #Options", options, def.Options)
		outputs, ok := fieldNamed(resource, "outputs")
		if !ok {
			t.Errorf("%s: the resource has no outputs", name)
			continue
		}
		compareFields(t, name+" #Outputs", outputs, def.Outputs)
		for _, f := range slices.Concat(def.Options, def.Outputs) {
			if f.Doc == "" {
				t.Errorf("%s: field %s has no comment", name, f.Name)
			}
		}
	}
}

func compareFields(t *testing.T, where string, typ reflect.Type, fields []schema.FieldDefinition) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	var have, want []string
	for f := range structFields(typ) {
		have = append(have, f)
	}
	for _, f := range fields {
		want = append(want, f.Name)
		inner, ok := fieldNamed(typ, f.Name)
		if !ok {
			continue
		}
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Slice && len(f.Fields) == 1 && f.Fields[0].Name == "[]" {
			inner, f = inner.Elem(), f.Fields[0]
		}
		if inner.Kind() == reflect.Struct {
			compareFields(t, where+"."+f.Name, inner, f.Fields)
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("%s: the Go type has %v, the schema %v", where, have, want)
	}
}

// structFields are the JSON names of a struct's fields, with those of structs that are embedded in it.
func structFields(typ reflect.Type) func(func(string) bool) {
	return func(yield func(string) bool) {
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" || !f.IsExported() {
				continue
			}
			if name == "" && f.Anonymous {
				for inner := range structFields(f.Type) {
					if !yield(inner) {
						return
					}
				}
				continue
			}
			if name == "" {
				name = f.Name
			}
			if !yield(name) {
				return
			}
		}
	}
}

func fieldNamed(typ reflect.Type, name string) (reflect.Type, bool) {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	for f := range typ.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name {
			return f.Type, true
		}
		if tag == "" && f.Anonymous {
			if inner, ok := fieldNamed(f.Type, name); ok {
				return inner, true
			}
		}
	}
	return nil, false
}

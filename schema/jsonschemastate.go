package schema

import (
	"fmt"
	"strings"
)

// state adds the definition of where the state is. In YAML it takes what DevStream took: names of backends in any case, and
// any scalar for a text.
func (d *jsonSchemas) state() error {
	s, err := d.definition("#State", false)
	if err != nil {
		return err
	}
	properties, _ := s["properties"].(object)
	options, _ := properties["options"].(object)
	known, _ := options["properties"].(object)
	if known == nil {
		return fmt.Errorf("the schema of the state has no options")
	}
	backends := []struct {
		names    []string
		fields   object
		required []string
		// closed tells that the options of other backends are refused even if they are empty.
		closed bool
	}{
		{names: []string{"s3"}, required: []string{"bucket", "region", "key"}, fields: described(known,
			"bucket", "region", "key", "endpoint", "pathStyle", "profile", "kmsKeyID")},
		{names: []string{"k8s", "kubernetes"}, closed: true, fields: object{
			"namespace":  scalar("The namespace of the ConfigMap that DevStream kept its state in."),
			"configmap":  scalar("The name of the ConfigMap that DevStream kept its state in."),
			"kubeconfig": scalar("The kubeconfig file; empty for $KUBECONFIG, or else ~/.kube/config."),
			"context":    scalar("The context in the kubeconfig; empty for the current one."),
			"stateFile":  scalar("The file in which the state goes on."),
		}},
		{names: []string{"local"}, fields: described(known, "stateFile")},
	}
	backend, _ := properties["backend"].(object)
	var all []string
	var choice any = object{}
	for i := len(backends) - 1; i >= 0; i-- {
		b := backends[i]
		all = append(all, b.names...)
		// What DevStream had for other stores was no mistake if it was empty.
		for _, name := range []string{"stateFile", "bucket", "region", "key", "namespace", "configmap"} {
			if b.fields[name] == nil && !b.closed {
				b.fields[name] = object{"description": "Not for this backend.", "enum": []any{"", nil}}
			}
		}
		then := object{"properties": object{"options": object{"type": []string{"object", "null"}, "properties": b.fields, "additionalProperties": false}}}
		if len(b.required) > 0 {
			then["required"] = []string{"options"}
			then["properties"] = object{"options": object{"type": "object", "properties": b.fields, "additionalProperties": false, "required": b.required}}
		}
		if i == len(backends)-1 {
			choice = then
			continue
		}
		choice = object{
			"if":   object{"required": []string{"backend"}, "properties": object{"backend": object{"pattern": anyCase(b.names)}}},
			"then": then, "else": choice,
		}
	}
	properties["backend"] = object{
		"description": backend["description"], "default": "local",
		"anyOf": []object{{"enum": all}, {"type": []string{"string", "null"}, "pattern": "^$|" + anyCase(all)}},
	}
	delete(properties, "options")
	properties["options"] = object{"description": "The options of the backend.", "type": []string{"object", "null"}}
	for _, name := range []string{"retention", "encryption"} {
		if p, ok := properties[name].(object); ok {
			properties[name] = orNull(p)
		}
	}
	s["type"] = []string{"object", "null"}
	s["if"], s["then"] = object{"type": "object"}, choice
	d.defs["state"] = s
	return nil
}

// described are some of the fields, as texts.
func described(known object, names ...string) object {
	out := object{}
	for _, name := range names {
		field, _ := known[name].(object)
		s := scalar("")
		if name == "pathStyle" {
			s = object{"type": "boolean"}
		}
		if doc := field["description"]; doc != nil {
			s["description"] = doc
		}
		out[name] = s
	}
	return out
}

// anyCase matches some words in whatever letters.
func anyCase(words []string) string {
	var b strings.Builder
	b.WriteString("^(")
	for i, word := range words {
		if i > 0 {
			b.WriteByte('|')
		}
		for _, r := range word {
			if upper := strings.ToUpper(string(r)); upper != string(r) {
				b.WriteString("[" + string(r) + upper + "]")
			} else {
				b.WriteRune(r)
			}
		}
	}
	return b.String() + ")$"
}

// orNull lets null pass, which counts as nothing written.
func orNull(s object) object {
	out := object{"if": object{"type": "null"}, "else": s}
	for _, name := range []string{"description", "default", "deprecated"} {
		if v, ok := s[name]; ok {
			out[name] = v
			delete(s, name)
		}
	}
	return out
}

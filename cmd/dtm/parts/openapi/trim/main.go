// Trim cuts GitHub's description of its interface down to the operations that dtm's stand-in for it offers, and to what
// those refer to. Prose and examples are left out. What it reads comes with an npm package:
//
//	npm install --ignore-scripts @octokit/openapi@23.0.2
//	go run ./cmd/dtm/parts/openapi/trim \
//		node_modules/@octokit/openapi/generated/api.github.com.json >cmd/dtm/parts/openapi/github.json
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// operations are those that stay, as the description calls them.
var operations = []string{
	"actions/create-or-update-repo-secret",
	"actions/delete-repo-secret",
	"actions/get-repo-public-key",
	"actions/list-repo-secrets",
	"git/create-blob",
	"git/create-commit",
	"git/create-ref",
	"git/create-tree",
	"git/delete-ref",
	"git/get-blob",
	"git/get-commit",
	"git/get-ref",
	"git/get-tree",
	"git/update-ref",
	"orgs/get",
	"pulls/create",
	"pulls/get",
	"pulls/list",
	"pulls/merge",
	"pulls/update",
	"rate-limit/get",
	"repos/create-for-authenticated-user",
	"repos/create-in-org",
	"repos/create-or-update-file-contents",
	"repos/delete",
	"repos/get",
	"repos/get-branch",
	"repos/get-content",
	"repos/list-branches",
	"repos/update",
	"users/get-authenticated",
	"users/get-by-username",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: trim api.github.com.json >github.json")
		os.Exit(2)
	}
	if err := trim(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

type object = map[string]any

func trim(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var whole object
	if err := json.Unmarshal(data, &whole); err != nil {
		return err
	}
	missing := make(map[string]bool)
	for _, o := range operations {
		missing[o] = true
	}
	paths := object{}
	for path, item := range whole["paths"].(object) {
		for method, op := range item.(object) {
			o, ok := op.(object)
			id, _ := o["operationId"].(string)
			if !ok || !missing[id] {
				delete(item.(object), method)
				continue
			}
			delete(missing, id)
		}
		if len(item.(object)) > 0 {
			paths[path] = plain(item, false)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no such operations: %v", slices.Sorted(maps.Keys(missing)))
	}
	parts, err := components(whole["components"].(object), paths)
	if err != nil {
		return err
	}
	info := whole["info"].(object)
	out, err := lines(object{
		"openapi":    whole["openapi"],
		"info":       object{"title": info["title"], "version": info["version"], "license": info["license"]},
		"paths":      paths,
		"components": parts,
	}, 2)
	if err != nil {
		return err
	}
	doc, err := openapi3.NewLoader().LoadFromData(out)
	if err != nil {
		return fmt.Errorf("what is left: %w", err)
	}
	if err := doc.Validate(ctx); err != nil {
		return fmt.Errorf("what is left: %w", err)
	}
	_, err = os.Stdout.Write(append(out, '\n'))
	return err
}

// components are those that the paths refer to, and those that these refer to.
func components(from, paths object) (object, error) {
	kept := object{}
	todo := references(paths, nil)
	for len(todo) > 0 {
		ref := todo[0]
		todo = todo[1:]
		kind, name, ok := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
		if !ok {
			return nil, fmt.Errorf("%s is not among the components", ref)
		}
		all, _ := kept[kind].(object)
		if all == nil {
			all = object{}
			kept[kind] = all
		}
		if all[name] != nil {
			continue
		}
		part := from[kind].(object)[name]
		if part == nil {
			return nil, errors.New("no " + ref)
		}
		all[name] = plain(part, false)
		todo = references(all[name], todo)
	}
	return kept, nil
}

func references(in any, found []string) []string {
	switch v := in.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			return append(found, ref)
		}
		for _, part := range v {
			found = references(part, found)
		}
	case []any:
		for _, part := range v {
			found = references(part, found)
		}
	}
	return found
}

// plain leaves out what is for people. Whether named is true tells whether the keys of an object are names that somebody
// chose, such as that of a property called description.
func plain(in any, named bool) any {
	switch v := in.(type) {
	case object:
		out := object{}
		for key, part := range v {
			if !named && forPeople(key) {
				continue
			}
			out[key] = plain(part, !named && (key == "properties" || key == "headers" || key == "responses"))
		}
		// An answer has to have a description, and what else may be in it has nothing that others do not have.
		if _, ok := v["description"].(string); ok && !named && !slices.ContainsFunc(slices.Collect(maps.Keys(out)), notInAnswers) {
			out["description"] = ""
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, part := range v {
			out[i] = plain(part, false)
		}
		return out
	}
	return in
}

func forPeople(key string) bool {
	switch key {
	case "description", "example", "examples", "externalDocs", "summary", "tags", "title":
		return true
	}
	return strings.HasPrefix(key, "x-")
}

func notInAnswers(key string) bool { return key != "content" && key != "headers" && key != "links" }

// lines writes an object with one line for each thing in it, depth levels down, so that a newer description can be
// compared with an older one.
func lines(in any, depth int) ([]byte, error) {
	v, ok := in.(object)
	if !ok || depth < 0 {
		return json.Marshal(in)
	}
	var b bytes.Buffer
	b.WriteString("{")
	for i, key := range slices.Sorted(maps.Keys(v)) {
		if i > 0 {
			b.WriteString(",")
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		part, err := lines(v[key], depth-1)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "\n%s:%s", name, part)
	}
	b.WriteString("}")
	return b.Bytes(), nil
}

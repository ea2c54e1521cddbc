package engine

import (
	"encoding/json"

	"github.com/devstream-io/dtm/store"
)

// statusKey is the part of a resource that changes by itself: it is recorded and shown, and never compared.
const statusKey = "status"

// diffResources compares two resources field by field, but for their status.
func diffResources(before, after json.RawMessage) ([]store.FieldDiff, error) {
	diffs, err := diffJSON("resource", before, after)
	if err != nil || len(diffs) == 0 {
		return diffs, err
	}
	if before, err = withoutStatus(before); err != nil {
		return nil, err
	}
	if after, err = withoutStatus(after); err != nil {
		return nil, err
	}
	return diffJSON("resource", before, after)
}

// withoutStatus is a resource without what changes by itself.
func withoutStatus(resource json.RawMessage) (json.RawMessage, error) {
	tree, err := decodeTree(resource)
	if err != nil {
		return nil, err
	}
	fields, ok := tree.(map[string]any)
	if !ok {
		return resource, nil
	}
	if _, ok := fields[statusKey]; !ok {
		return resource, nil
	}
	delete(fields, statusKey)
	return encodeTree(fields)
}

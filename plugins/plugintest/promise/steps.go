package promise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/plugins"
)

// created makes Want and checks that it is there and reads back.
func (s Subject) created(ctx context.Context) (json.RawMessage, error) {
	r, err := s.Kind.Create(ctx, s.Want)
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	if err := s.readsBack(ctx, "create", s.Want, r); err != nil {
		return nil, err
	}
	return r, s.exists(ctx, s.Want, true)
}

// updated turns have into want and checks that it reads back.
func (s Subject) updated(ctx context.Context, want, have, last json.RawMessage) (json.RawMessage, error) {
	r, err := s.Kind.Update(ctx, want, have, last)
	if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	return r, s.readsBack(ctx, "update", want, r)
}

// repeated updates from Want twice with the same record, as after a crash between the verb and its record.
func (s Subject) repeated(ctx context.Context, want, last json.RawMessage) error {
	first, err := s.updated(ctx, want, s.Want, last)
	if err != nil {
		return err
	}
	second, err := s.updated(ctx, want, s.Want, last)
	if err != nil {
		return fmt.Errorf("the second time: %w", err)
	}
	if err := same("what the first update returned", first, "what the second returned", second); err != nil {
		return err
	}
	return s.deleted(ctx, want, second)
}

// deleted removes what have made and checks that nothing is left of it.
func (s Subject) deleted(ctx context.Context, have, last json.RawMessage) error {
	if err := s.Kind.Delete(ctx, have, last); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := s.missing(ctx, have, last); err != nil {
		return fmt.Errorf("after delete: %w", err)
	}
	if err := s.exists(ctx, have, false); err != nil {
		return fmt.Errorf("after delete: %w", err)
	}
	return s.empty("after delete")
}

// readsBack checks the shape of what a verb returned, and that a Read returns it too.
func (s Subject) readsBack(ctx context.Context, verb string, want, r json.RawMessage) error {
	var shape struct {
		Outputs map[string]json.RawMessage `json:"outputs"`
	}
	if err := json.Unmarshal(r, &shape); err != nil {
		return fmt.Errorf("%s returned no resource: %w: %s", verb, err, r)
	}
	if shape.Outputs == nil {
		return fmt.Errorf("%s returned a resource without an object called outputs: %s", verb, r)
	}
	for range 2 {
		got, err := s.Kind.Read(ctx, want, r)
		if err != nil {
			return fmt.Errorf("read after %s: %w", verb, err)
		}
		if err := same("what "+verb+" returned", r, "what a read right after returned", got); err != nil {
			return err
		}
	}
	return nil
}

func (s Subject) missing(ctx context.Context, want, last json.RawMessage) error {
	r, err := s.Kind.Read(ctx, want, last)
	if err == nil {
		return fmt.Errorf("read finds %s, want ErrNotFound", r)
	}
	if !errors.Is(err, plugins.ErrNotFound) {
		return fmt.Errorf("read: %w, which does not wrap ErrNotFound", err)
	}
	return nil
}

// removed takes away what Want made, behind the plugin's back where that can be done, else by the plugin itself.
func (s Subject) removed(ctx context.Context, last json.RawMessage) error {
	if s.Remove == nil {
		if err := s.Kind.Delete(ctx, s.Want, last); err != nil {
			return fmt.Errorf("delete in place of a removal by hand: %w", err)
		}
		return nil
	}
	if err := s.Remove(); err != nil {
		return fmt.Errorf("remove by hand: %w", err)
	}
	return nil
}

// exists looks whether what options wish for is there, past the plugin where that can be done, else through a Read that
// remembers nothing.
func (s Subject) exists(ctx context.Context, options json.RawMessage, want bool) error {
	look := s.Exists
	if look == nil {
		look = func(options json.RawMessage) (bool, error) {
			_, err := s.Kind.Read(ctx, options, nil)
			if errors.Is(err, plugins.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		}
	}
	got, err := look(options)
	if err != nil {
		return fmt.Errorf("looking at the world: %w", err)
	}
	if got != want {
		return fmt.Errorf("of %s the world says exists = %t, want %t", options, got, want)
	}
	return nil
}

func (s Subject) empty(when string) error {
	if s.Leftovers == nil {
		return nil
	}
	left, err := s.Leftovers()
	if err != nil {
		return fmt.Errorf("looking at the world: %w", err)
	}
	if len(left) > 0 {
		return fmt.Errorf("%s there is still: %s", when, strings.Join(left, ", "))
	}
	return nil
}

// same compares two resources, numbers by their digits, but for their status: that changes by itself.
func same(nameA string, a json.RawMessage, nameB string, b json.RawMessage) error {
	va, err := exact(a)
	if err != nil {
		return fmt.Errorf("%s: %w", nameA, err)
	}
	vb, err := exact(b)
	if err != nil {
		return fmt.Errorf("%s: %w", nameB, err)
	}
	if diff := cmp.Diff(withoutStatus(va), withoutStatus(vb)); diff != "" {
		return fmt.Errorf("%s (-) is not %s (+):\n%s", nameA, nameB, diff)
	}
	return nil
}

func withoutStatus(v any) any {
	if fields, ok := v.(map[string]any); ok {
		delete(fields, "status")
	}
	return v
}

func exact(data json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// survivesJSON checks that whoever keeps the resource may decode and encode it: no number has more digits than a
// float64 can hold.
func survivesJSON(r json.RawMessage) error {
	var v any
	if err := json.Unmarshal(r, &v); err != nil {
		return err
	}
	again, err := json.Marshal(v)
	if err != nil {
		return err
	}
	before, err := exact(r)
	if err != nil {
		return err
	}
	after, err := exact(again)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(before, after); diff != "" {
		return fmt.Errorf("the resource (-) is not the resource decoded and encoded (+):\n%s", diff)
	}
	return nil
}

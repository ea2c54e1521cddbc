package promise

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/plugins"
)

// previewChecks are about plugins that are a [plugins.Previewer].
func previewChecks() []Promise {
	previews := unless("the plugin has no preview", func(s Subject) bool { return s.Kind.Previews() })
	return []Promise{
		{Name: "a preview changes nothing", lacks: previews, run: inOne(func(ctx context.Context, s Subject) error {
			if _, err := s.Kind.Preview(ctx, s.Want, nil, nil); err != nil {
				return fmt.Errorf("preview of a create: %w", err)
			}
			if err := s.missing(ctx, s.Want, nil); err != nil {
				return fmt.Errorf("after a preview: %w", err)
			}
			if err := s.empty("after a preview"); err != nil {
				return err
			}
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			for _, want := range []json.RawMessage{s.Want, s.Changed, s.Renamed} {
				if want == nil {
					continue
				}
				if _, err := s.Kind.Preview(ctx, want, s.Want, r); err != nil {
					return fmt.Errorf("preview of an update: %w", err)
				}
				if err := s.readsBack(ctx, "a create before a preview", s.Want, r); err != nil {
					return err
				}
				if err := s.exists(ctx, s.Want, true); err != nil {
					return fmt.Errorf("after a preview: %w", err)
				}
			}
			return s.deleted(ctx, s.Want, r)
		})},
		{Name: "a preview of the same is the same", lacks: previews, run: inOne(func(ctx context.Context, s Subject) error {
			if err := s.previewedTwice(ctx, s.Want, nil, nil); err != nil {
				return err
			}
			r, err := s.created(ctx)
			if err != nil {
				return err
			}
			if err := s.previewedTwice(ctx, s.Changed, s.Want, r); err != nil {
				return err
			}
			return s.deleted(ctx, s.Want, r)
		})},
	}
}

// previewedTwice checks that two previews are the same, and that each part says what happens to it.
func (s Subject) previewedTwice(ctx context.Context, want, have, last json.RawMessage) error {
	first, err := s.Kind.Preview(ctx, want, have, last)
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	second, err := s.Kind.Preview(ctx, want, have, last)
	if err != nil {
		return fmt.Errorf("preview again: %w", err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		return fmt.Errorf("the first preview (-) is not the second (+):\n%s", diff)
	}
	for _, part := range first.Parts {
		switch part.Action {
		case plugins.PartCreate, plugins.PartUpdate, plugins.PartDelete:
		default:
			return fmt.Errorf("the part %q has the action %q", part.Name, part.Action)
		}
	}
	return nil
}

package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// verbs are the plugin's verbs, each a call of its process.
func (i *installed) verbs() plugins.Verbs {
	return plugins.Verbs{
		Create: func(ctx context.Context, want json.RawMessage) (json.RawMessage, error) {
			return i.resource(ctx, "create", func(ctx context.Context, api protocol.PluginClient, call *protocol.Call) (stream, error) {
				return api.Create(ctx, &protocol.CreateRequest{Call: call, Want: want})
			})
		},
		Read: func(ctx context.Context, want, last json.RawMessage) (json.RawMessage, error) {
			return i.resource(ctx, "read", func(ctx context.Context, api protocol.PluginClient, call *protocol.Call) (stream, error) {
				return api.Read(ctx, &protocol.ReadRequest{Call: call, Want: want, Last: last})
			})
		},
		Update: func(ctx context.Context, want, have, last json.RawMessage) (json.RawMessage, error) {
			return i.resource(ctx, "update", func(ctx context.Context, api protocol.PluginClient, call *protocol.Call) (stream, error) {
				return api.Update(ctx, &protocol.UpdateRequest{Call: call, Want: want, Have: have, Last: last})
			})
		},
		Delete: func(ctx context.Context, have, last json.RawMessage) error {
			_, err := i.verb(ctx, "delete", func(ctx context.Context, api protocol.PluginClient, call *protocol.Call) (stream, error) {
				return api.Delete(ctx, &protocol.DeleteRequest{Call: call, Have: have, Last: last})
			})
			return err
		},
		Succeed: func(ctx context.Context, have, old json.RawMessage) (json.RawMessage, error) {
			if can, err := i.can(ctx, (*protocol.SchemaResponse).GetSucceeds); err != nil || !can {
				return nil, err
			}
			r, err := i.resource(ctx, "succeed", func(ctx context.Context, api protocol.PluginClient, call *protocol.Call) (stream, error) {
				return api.Succeed(ctx, &protocol.SucceedRequest{Call: call, Have: have, Old: old})
			})
			if errors.Is(err, errNoMethod) {
				return nil, nil
			}
			return r, err
		},
		Preview:  i.preview,
		Identity: i.identity,
		Validate: i.validate,
	}
}

// can tells what the plugin has besides the four verbs, as its process says.
func (i *installed) can(ctx context.Context, what func(*protocol.SchemaResponse) bool) (bool, error) {
	p, err := i.running(ctx)
	if err != nil {
		return false, fmt.Errorf("plugin %s: %w", i.Name, err)
	}
	return what(p.schema), nil
}

// resource calls a verb whose outcome is a resource.
func (i *installed) resource(ctx context.Context, verb string, open opener) (json.RawMessage, error) {
	outcome, err := i.verb(ctx, verb, open)
	if err != nil {
		return nil, err
	}
	r := outcome.GetResult()
	if r == nil {
		return nil, i.nonsense(verb, "its outcome is no result")
	}
	if data := r.GetResource(); !utf8.Valid(data) || !json.Valid(data) {
		return nil, i.nonsense(verb, "its resource is no JSON")
	}
	return r.GetResource(), nil
}

func (i *installed) nonsense(verb, what string) error {
	return plugins.Hinted(fmt.Errorf("plugin %s: %s: %s", i.Name, verb, what), bugHint)
}

func (i *installed) preview(ctx context.Context, want, have, last json.RawMessage) (plugins.Preview, error) {
	if can, err := i.can(ctx, (*protocol.SchemaResponse).GetPreviews); err != nil || !can {
		return plugins.Preview{}, err
	}
	outcome, err := i.verb(ctx, "preview", func(ctx context.Context, api protocol.PluginClient, call *protocol.Call) (stream, error) {
		return api.Preview(ctx, &protocol.PreviewRequest{Call: call, Want: want, Have: have, Last: last})
	})
	if errors.Is(err, errNoMethod) {
		return plugins.Preview{}, nil
	}
	if err != nil {
		return plugins.Preview{}, err
	}
	said := outcome.GetPreview()
	if said == nil {
		return plugins.Preview{}, i.nonsense("preview", "its outcome is no preview")
	}
	var p plugins.Preview
	for _, note := range said.GetNotes() {
		p.Notes = append(p.Notes, harmless(note))
	}
	for _, f := range said.GetSettled() {
		p.Settled = append(p.Settled, plugins.Fact{Name: harmless(f.GetName()), Value: harmless(f.GetValue())})
	}
	for _, part := range said.GetParts() {
		made := plugins.Part{Action: harmless(part.GetAction()), Name: harmless(part.GetName())}
		for _, field := range part.GetFields() {
			made.Fields = append(made.Fields, harmless(field))
		}
		p.Parts = append(p.Parts, made)
	}
	return p, nil
}

func (i *installed) identity(ctx context.Context, options json.RawMessage) (string, error) {
	if can, err := i.can(ctx, (*protocol.SchemaResponse).GetIdentifies); err != nil || !can {
		return "", err
	}
	var said *protocol.IdentityResponse
	err := i.look(ctx, "identity", func(api protocol.PluginClient) (f *protocol.Failure, err error) {
		said, err = api.Identity(ctx, &protocol.IdentityRequest{Options: options})
		return said.GetFailure(), err
	})
	return harmless(said.GetIdentity()), err
}

func (i *installed) validate(ctx context.Context, want json.RawMessage) error {
	if can, err := i.can(ctx, (*protocol.SchemaResponse).GetValidates); err != nil || !can {
		return err
	}
	return i.look(ctx, "validate", func(api protocol.PluginClient) (*protocol.Failure, error) {
		said, err := api.Validate(ctx, &protocol.ValidateRequest{Want: want})
		return said.GetFailure(), err
	})
}

// look calls what only looks at options: there is nothing to wait for when ctx is done.
func (i *installed) look(ctx context.Context, name string, call func(protocol.PluginClient) (*protocol.Failure, error)) error {
	p, err := i.running(ctx)
	if err != nil {
		return fmt.Errorf("plugin %s: %w", i.Name, err)
	}
	_, end := p.begin(ctx)
	defer end()
	f, err := call(p.api)
	switch {
	case status.Code(err) == codes.Unimplemented:
		return nil
	case err != nil:
		return fmt.Errorf("plugin %s: %s: %w", i.Name, name, p.broken(ctx, err))
	case f != nil:
		return p.failure(ctx, name, f)
	}
	return nil
}

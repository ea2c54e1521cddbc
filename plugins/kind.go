package plugins

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"runtime/debug"
)

// Kind is a plugin with its types erased to JSON: all that the engine sees of it. Make one with [New].
// Its verbs promise what [Plugin] says. A panic in a verb comes back as an error: one plugin's mistake is one tool's.
type Kind struct {
	// Name is the plugin's name, as in "localfile": an RFC 1123 label.
	Name string
	// Schema is the text of the plugin's schema.cue.
	Schema string
	// Shared are the CUE packages that Schema imports besides those of CUE itself, by name; see [Kind.Importing].
	Shared map[string]string
	// Precious tells that tools of this kind hold what nobody can make again, as a repository or a board: unless the
	// configuration says otherwise, no plan may delete or replace them (lifecycle.preventDestroy).
	Precious bool

	verbs Verbs

	options, resource reflect.Type
}

// New erases the types of p. schemaCUE is the text of its schema.cue, whose #Options mirrors O and whose #Outputs
// mirrors the "outputs" of R.
func New[O, R any](name, schemaCUE string, p Plugin[O, R]) Kind {
	verbs := Verbs{
		Create: func(ctx context.Context, want json.RawMessage) (json.RawMessage, error) {
			w, err := decodeOptions[O](want)
			if err != nil {
				return nil, err
			}
			return encode(p.Create(ctx, w))
		},
		Read: func(ctx context.Context, want, last json.RawMessage) (json.RawMessage, error) {
			w, err := decodeOptions[O](want)
			if err != nil {
				return nil, err
			}
			l, err := decodeResource[R](last)
			if err != nil {
				return nil, err
			}
			return encode(p.Read(ctx, w, l))
		},
		Update: func(ctx context.Context, want, have, last json.RawMessage) (json.RawMessage, error) {
			w, h, l, err := decodeAll[O, R](want, have, last)
			if err != nil {
				return nil, err
			}
			return encode(p.Update(ctx, w, h, l))
		},
		Delete: func(ctx context.Context, have, last json.RawMessage) error {
			h, err := decodeRecorded[O](have)
			if err != nil {
				return err
			}
			l, err := decodeResource[R](last)
			if err != nil {
				return err
			}
			return p.Delete(ctx, h, l)
		},
	}
	if s, ok := p.(Successor[O, R]); ok {
		verbs.Succeed = func(ctx context.Context, have, old json.RawMessage) (json.RawMessage, error) {
			h, err := decodeRecorded[O](have)
			if err != nil {
				return nil, err
			}
			return encode(s.Succeed(ctx, h, old))
		}
	}
	if v, ok := p.(Previewer[O, R]); ok {
		verbs.Preview = func(ctx context.Context, want, have, last json.RawMessage) (Preview, error) {
			w, h, l, err := decodeAll[O, R](want, have, last)
			if err != nil {
				return Preview{}, err
			}
			return v.Preview(ctx, w, h, l)
		}
	}
	if i, ok := p.(Identifier[O]); ok {
		verbs.Identity = func(_ context.Context, options json.RawMessage) (string, error) {
			o, err := decodeRecorded[O](options)
			if err != nil {
				return "", err
			}
			return i.Identity(o), nil
		}
	}
	if v, ok := p.(Validator[O]); ok {
		verbs.Validate = func(_ context.Context, want json.RawMessage) error {
			w, err := decodeOptions[O](want)
			if err != nil {
				return err
			}
			return v.Validate(w)
		}
	}
	kind := Of(name, schemaCUE, verbs)
	kind.options, kind.resource = reflect.TypeFor[O](), reflect.TypeFor[R]()
	return kind
}

// Verbs are a plugin's verbs over JSON: what [Plugin] and the other interfaces of this package say of them holds. An
// empty message is a zero value.
type Verbs struct {
	Create func(ctx context.Context, want json.RawMessage) (json.RawMessage, error)
	Read   func(ctx context.Context, want, last json.RawMessage) (json.RawMessage, error)
	Update func(ctx context.Context, want, have, last json.RawMessage) (json.RawMessage, error)
	Delete func(ctx context.Context, have, last json.RawMessage) error

	// Succeed is nil where the plugin is no [Successor], Preview where it is no [Previewer], Identity where it is no
	// [Identifier], and Validate where it is no [Validator].
	Succeed  func(ctx context.Context, have, old json.RawMessage) (json.RawMessage, error)
	Preview  func(ctx context.Context, want, have, last json.RawMessage) (Preview, error)
	Identity func(ctx context.Context, options json.RawMessage) (string, error)
	Validate func(ctx context.Context, want json.RawMessage) error
}

// Of is the kind that has these verbs, for a plugin that has no Go types here, as one that runs as its own process. What is
// written in Go has [New].
func Of(name, schemaCUE string, verbs Verbs) Kind {
	return Kind{Name: name, Schema: schemaCUE, verbs: verbs}
}

// Importing is the kind whose schema imports a CUE package that several plugins share, as "devstream.io/dtm/shared/" and
// the name. text is the package's, the same for all of them.
func (k Kind) Importing(name, text string) Kind {
	shared := make(map[string]string, len(k.Shared)+1)
	maps.Copy(shared, k.Shared)
	shared[name] = text
	k.Shared = shared
	return k
}

// Types are the Go types that the options and the resource are decoded into, nil for a kind made by [Of]. Tests compare
// them with the schema.
func (k Kind) Types() (options, resource reflect.Type) { return k.options, k.resource }

// Create is [Plugin].Create.
func (k Kind) Create(ctx context.Context, want json.RawMessage) (resource json.RawMessage, err error) {
	defer k.recovered("create", &err)
	return k.verbs.Create(ctx, want)
}

// Read is [Plugin].Read. An empty last means that nothing is remembered.
func (k Kind) Read(ctx context.Context, want, last json.RawMessage) (resource json.RawMessage, err error) {
	defer k.recovered("read", &err)
	return k.verbs.Read(ctx, want, last)
}

// Update is [Plugin].Update.
func (k Kind) Update(ctx context.Context, want, have, last json.RawMessage) (resource json.RawMessage, err error) {
	defer k.recovered("update", &err)
	return k.verbs.Update(ctx, want, have, last)
}

// Delete is [Plugin].Delete.
func (k Kind) Delete(ctx context.Context, have, last json.RawMessage) (err error) {
	defer k.recovered("delete", &err)
	return k.verbs.Delete(ctx, have, last)
}

// Succeed is [Successor].Succeed. Where the plugin is no Successor it returns nil and no error.
func (k Kind) Succeed(ctx context.Context, have, old json.RawMessage) (resource json.RawMessage, err error) {
	if k.verbs.Succeed == nil {
		return nil, nil
	}
	defer k.recovered("succeed", &err)
	return k.verbs.Succeed(ctx, have, old)
}

// Previews tells whether the plugin is a [Previewer].
func (k Kind) Previews() bool { return k.verbs.Preview != nil }

// Preview is [Previewer].Preview. Empty have and last are the zero values. Where the plugin is no Previewer it returns an
// empty Preview and no error.
func (k Kind) Preview(ctx context.Context, want, have, last json.RawMessage) (preview Preview, err error) {
	if k.verbs.Preview == nil {
		return Preview{}, nil
	}
	defer k.recovered("preview", &err)
	return k.verbs.Preview(ctx, want, have, last)
}

// Identity is [Identifier].Identity. Where the plugin is no Identifier it returns "".
func (k Kind) Identity(ctx context.Context, options json.RawMessage) (identity string, err error) {
	if k.verbs.Identity == nil {
		return "", nil
	}
	defer k.recovered("identity", &err)
	return k.verbs.Identity(ctx, options)
}

// Validate is [Validator].Validate. Where the plugin is no Validator everything is right.
func (k Kind) Validate(ctx context.Context, want json.RawMessage) (err error) {
	if k.verbs.Validate == nil {
		return nil
	}
	defer k.recovered("validate", &err)
	return k.verbs.Validate(ctx, want)
}

// Succeeds, Identifies and Validates tell whether the plugin is a [Successor], an [Identifier] and a [Validator].
func (k Kind) Succeeds() bool { return k.verbs.Succeed != nil }

// Identifies: see [Kind.Succeeds].
func (k Kind) Identifies() bool { return k.verbs.Identity != nil }

// Validates: see [Kind.Succeeds].
func (k Kind) Validates() bool { return k.verbs.Validate != nil }

func (k Kind) recovered(verb string, err *error) {
	if r := recover(); r != nil {
		*err = &PanicError{Plugin: k.Name, Verb: verb, Value: fmt.Sprint(r), Stack: debug.Stack()}
	}
}

// PanicError is a panic of a plugin's verb.
type PanicError struct {
	Plugin, Verb, Value string
	// Stack is for the debug log only.
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("plugin %s panicked in %s: %s", e.Plugin, e.Verb, e.Value)
}

// Hint says what the user can do about it.
func (e *PanicError) Hint() string {
	return "this is a bug in the plugin; run again with --debug and report it"
}

// decodeOptions is strict: the schema has let nothing unknown through, so an unknown field means that the schema and
// the Go type have parted.
func decodeOptions[O any](data json.RawMessage) (O, error) {
	var o O
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return o, fmt.Errorf("options: %w", err)
	}
	return o, nil
}

// decodeRecorded is lenient: what was recorded may come from a version with other fields, and it must still be
// possible to delete it.
func decodeRecorded[O any](data json.RawMessage) (O, error) {
	var o O
	if len(data) == 0 {
		return o, nil
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("recorded options: %w", err)
	}
	return o, nil
}

func decodeResource[R any](data json.RawMessage) (R, error) {
	var r R
	if len(data) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("recorded resource: %w", err)
	}
	return r, nil
}

func decodeAll[O, R any](want, have, last json.RawMessage) (w, h O, l R, err error) {
	if w, err = decodeOptions[O](want); err != nil {
		return w, h, l, err
	}
	if h, err = decodeRecorded[O](have); err != nil {
		return w, h, l, err
	}
	l, err = decodeResource[R](last)
	return w, h, l, err
}

func encode[R any](r R, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("resource: %w", err)
	}
	return data, nil
}

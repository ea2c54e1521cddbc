package workflow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// plugin is a preset with its verbs.
type plugin[O any] struct {
	Preset[O]
	env plugins.Env
}

var (
	_ plugins.Plugin[Actions, Resource]    = (*plugin[Actions])(nil)
	_ plugins.Identifier[Actions]          = (*plugin[Actions])(nil)
	_ plugins.Previewer[Actions, Resource] = (*plugin[Actions])(nil)
	_ plugins.Successor[Actions, Resource] = (*plugin[Actions])(nil)
)

// Identity is the file in its repository, whatever the branch: names of secrets follow from the file's.
func (p *plugin[O]) Identity(o O) string {
	at := p.Place(o)
	if at.Path.Owner == "" || at.Path.Name == "" {
		return ""
	}
	// Both services ignore the case of owners and repositories.
	return strings.TrimRight(strings.ToLower(at.BaseURL), "/") + "#" + strings.ToLower(at.Path.String()) + "#" + at.Files[0]
}

// Create puts the file into the repository. One that is there already is replaced if it is dtm's, or if adopt says so.
func (p *plugin[O]) Create(ctx context.Context, want O) (Resource, error) {
	return p.keep(ctx, want, scm.Managed{}, Resource{})
}

// Read looks at the file that is recorded, which is not the wanted one while a new name waits for its Update.
func (p *plugin[O]) Read(ctx context.Context, want O, last Resource) (Resource, error) {
	at := p.Place(want)
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return Resource{}, err
	}
	kept, open, err := scm.Find(ctx, host, p.claim(at), last.Kept)
	if err != nil {
		return Resource{}, err
	}
	outputs := last.Outputs
	if outputs.Repo == "" {
		outputs = at.outputs()
	}
	return resource(kept, open, outputs), nil
}

// Update makes the file what is wanted, in one commit or one proposal. A new name is a new file in the commit that removes the
// old one.
func (p *plugin[O]) Update(ctx context.Context, want, have O, last Resource) (Resource, error) {
	return p.keep(ctx, want, p.had(have), last)
}

// Delete removes the file, if it is still dtm's, and the secrets.
func (p *plugin[O]) Delete(ctx context.Context, have O, last Resource) error {
	at := p.Place(have)
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return err
	}
	return scm.Forget(ctx, host, p.claim(at), last.Kept)
}

// Preview says which files would be made, changed and removed, and what is missing for that.
func (p *plugin[O]) Preview(ctx context.Context, want, have O, last Resource) (plugins.Preview, error) {
	host, m, err := p.wanted(ctx, want)
	if err != nil {
		return plugins.Preview{}, err
	}
	preview, err := scm.Foresee(ctx, host, m, p.had(have), last.Kept)
	if err != nil {
		return plugins.Preview{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Secrets)) {
		preview.Notes = append(preview.Notes, "the secret "+name+" is set")
	}
	return preview, nil
}

// Succeed looks for the files that DevStream made: its resource does not name them.
func (p *plugin[O]) Succeed(ctx context.Context, have O, _ []byte) (Resource, error) {
	at := p.Place(have)
	if p.Legacy != nil {
		at = p.Legacy(have)
	}
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return Resource{}, err
	}
	kept, open, err := scm.Find(ctx, host, p.claim(at), scm.Kept{})
	if errors.Is(err, plugins.ErrNotFound) {
		// Read finds the same, by its name.
		kept = scm.Kept{Repository: at.Path.String(), Branch: at.Branch, Files: map[string]string{at.Files[0]: ""}, Secrets: []string{}}
	} else if err != nil {
		return Resource{}, err
	}
	return resource(kept, open, at.outputs()), nil
}

func (p *plugin[O]) keep(ctx context.Context, want O, had scm.Managed, last Resource) (Resource, error) {
	host, m, err := p.wanted(ctx, want)
	if err != nil {
		return Resource{}, err
	}
	kept, open, err := scm.Keep(ctx, host, m, had, last.Kept)
	if err != nil {
		return Resource{}, err
	}
	return resource(kept, open, p.Place(want).outputs()), nil
}

// wanted is all that is to be kept, known before anything is written: the file, parsed, and the values of the secrets.
func (p *plugin[O]) wanted(ctx context.Context, want O) (scm.Host, scm.Managed, error) {
	at := p.Place(want)
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return nil, scm.Managed{}, err
	}
	m := p.claim(at)
	for name, variable := range at.Secrets {
		value := p.env.Getenv(variable)
		if value == "" {
			return nil, scm.Managed{}, &hinted{
				err:  fmt.Errorf("the secret %s needs the environment variable %s, which is empty", name, variable),
				hint: "set " + variable + " to a token that may push images",
			}
		}
		plugins.Conceal(ctx, value)
		m.Secrets[name] = value
	}
	document, err := p.Render(ctx, want)
	if err != nil {
		return nil, scm.Managed{}, err
	}
	content, err := document.encode(p.Name)
	if err != nil {
		return nil, scm.Managed{}, fmt.Errorf("%s: %w", at.Files[0], err)
	}
	m.Files = map[string]scm.File{at.Files[0]: {Content: content}}
	return host, m, nil
}

// had is what the tool has by its former options. There are none if it was never applied.
func (p *plugin[O]) had(have O) scm.Managed {
	at := p.Place(have)
	if at.Path.Name == "" {
		return scm.Managed{}
	}
	return p.claim(at)
}

// claim is what is the tool's by its name.
func (p *plugin[O]) claim(at Place) scm.Managed {
	m := scm.Managed{
		Path: at.Path, Branch: at.Branch, Files: map[string]scm.File{}, Secrets: map[string]string{},
		Marker: scm.MarkerOf(p.Name), Adopt: at.Adopt, Through: at.Through,
	}
	for _, file := range at.Files {
		m.Files[file] = scm.File{}
	}
	for name := range at.Secrets {
		m.Secrets[name] = ""
	}
	return m
}

func (at Place) outputs() Outputs {
	return Outputs{Repo: at.Path.String(), Branch: at.Branch, File: at.Files[0], Image: at.Image}
}

// resource is the one place that says what is recorded.
func resource(kept scm.Kept, open *scm.Proposal, outputs Outputs) Resource {
	r := Resource{Kept: kept, Outputs: outputs}
	if open != nil {
		r.Status.Proposal = open.WebURL
	}
	return r
}

// hinted is an error that says what can be done about it.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint says what the user can do about it.
func (e *hinted) Hint() string { return e.hint }

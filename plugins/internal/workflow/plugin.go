package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// plugin is a preset with its verbs.
type plugin[O, P any] struct {
	Preset[O, P]
	env plugins.Env
}

var (
	_ plugins.Plugin[Actions, Resource[Outputs]]    = (*plugin[Actions, Outputs])(nil)
	_ plugins.Identifier[Actions]                   = (*plugin[Actions, Outputs])(nil)
	_ plugins.Previewer[Actions, Resource[Outputs]] = (*plugin[Actions, Outputs])(nil)
	_ plugins.Successor[Actions, Resource[Outputs]] = (*plugin[Actions, Outputs])(nil)
)

// Identity is the file in its repository, whatever the branch: names of secrets follow from the file's.
func (p *plugin[O, P]) Identity(o O) string {
	at := p.Place(o)
	if at.Path.Owner == "" || at.Path.Name == "" {
		return ""
	}
	// Both services ignore the case of owners and repositories.
	return strings.ToLower(at.Path.String()) + " on " + p.service(at.BaseURL) + ": " + at.Files[0]
}

// service is where the repository is, for people: one service has one name, whatever the form of its address.
func (p *plugin[O, P]) service(baseURL string) string {
	variable, public := "GITHUB_API_URL", "github.com"
	if p.GitLab {
		variable, public = "GITLAB_URL", "gitlab.com"
	}
	return scm.Place(public, cmp.Or(baseURL, p.env.Getenv(variable)))
}

// Create puts the file into the repository. One that is there already is replaced if it is dtm's, or if adopt says so.
func (p *plugin[O, P]) Create(ctx context.Context, want O) (Resource[P], error) {
	return p.keep(ctx, want, scm.Managed{}, Resource[P]{})
}

// Read looks at the file that is recorded, which is not the wanted one while a new name waits for its Update.
func (p *plugin[O, P]) Read(ctx context.Context, want O, last Resource[P]) (Resource[P], error) {
	at := p.Place(want)
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return Resource[P]{}, err
	}
	kept, open, err := scm.Find(ctx, host, p.claim(at), last.Kept)
	if err != nil {
		return Resource[P]{}, err
	}
	outputs := last.Outputs
	if last.Repository == "" {
		outputs = p.Outputs(at)
	}
	return resource(kept, open, outputs), nil
}

// Update makes the file what is wanted, in one commit or one proposal. A new name is a new file in the commit that removes the
// old one.
func (p *plugin[O, P]) Update(ctx context.Context, want, have O, last Resource[P]) (Resource[P], error) {
	return p.keep(ctx, want, p.had(have), last)
}

// Delete removes the file, if it is still dtm's, and the secrets.
func (p *plugin[O, P]) Delete(ctx context.Context, have O, last Resource[P]) error {
	at := p.Place(have)
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return err
	}
	return scm.Forget(ctx, host, p.claim(at), last.Kept)
}

// Preview says which files would be made, changed and removed, and what is missing for that.
func (p *plugin[O, P]) Preview(ctx context.Context, want, have O, last Resource[P]) (plugins.Preview, error) {
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

// Succeed looks for the files that DevStream made. Up to 0.7 its resource does not name them.
func (p *plugin[O, P]) Succeed(ctx context.Context, have O, old []byte) (Resource[P], error) {
	at := p.Place(have)
	if p.Legacy != nil {
		at = p.Legacy(have)
	}
	if named := filesOf(old); len(named) > 0 {
		at.Files = named
	}
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return Resource[P]{}, err
	}
	kept, open, err := scm.Find(ctx, host, p.claim(at), scm.Kept{})
	if errors.Is(err, plugins.ErrNotFound) {
		// Read finds the same, by its name.
		kept = scm.Kept{Repository: at.Path.String(), Branch: at.Branch, Files: map[string]string{at.Files[0]: ""}, Secrets: []string{}}
	} else if err != nil {
		return Resource[P]{}, err
	}
	return resource(kept, open, p.Outputs(at)), nil
}

// filesOf are the files that a resource of 0.10 to 0.12 names: their paths were its keys.
func filesOf(old []byte) []string {
	var resource map[string]json.RawMessage
	if json.Unmarshal(old, &resource) != nil {
		return nil
	}
	var files []string
	for path, of := range resource {
		var file struct{ SCM json.RawMessage }
		if json.Unmarshal(of, &file) == nil && file.SCM != nil {
			files = append(files, path)
		}
	}
	slices.Sort(files)
	return files
}

func (p *plugin[O, P]) keep(ctx context.Context, want O, had scm.Managed, last Resource[P]) (Resource[P], error) {
	host, m, err := p.wanted(ctx, want)
	if err != nil {
		return Resource[P]{}, err
	}
	kept, open, err := scm.Keep(ctx, host, m, had, last.Kept)
	if err != nil {
		return Resource[P]{}, err
	}
	return resource(kept, open, p.Outputs(p.Place(want))), nil
}

// wanted is all that is to be kept, known before anything is written: the file, parsed, and the values of the secrets.
func (p *plugin[O, P]) wanted(ctx context.Context, want O) (scm.Host, scm.Managed, error) {
	at := p.Place(want)
	host, err := p.Open(ctx, at.BaseURL)
	if err != nil {
		return nil, scm.Managed{}, err
	}
	m := p.claim(at)
	for _, name := range slices.Sorted(maps.Keys(at.Secrets)) {
		from := at.Secrets[name]
		value := p.env.Getenv(from.Variable)
		if value == "" {
			return nil, scm.Managed{}, plugins.Hinted(
				fmt.Errorf("the secret %s needs the environment variable %s, which is empty", name, from.Variable), from.Hint)
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
func (p *plugin[O, P]) had(have O) scm.Managed {
	at := p.Place(have)
	if at.Path.Name == "" {
		return scm.Managed{}
	}
	return p.claim(at)
}

// claim is what is the tool's by its name.
func (p *plugin[O, P]) claim(at Place) scm.Managed {
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

// resource is the one place that says what is recorded.
func resource[P any](kept scm.Kept, open *scm.Proposal, outputs P) Resource[P] {
	r := Resource[P]{Kept: kept, Outputs: outputs}
	if open != nil {
		r.Status.Proposal = open.WebURL
	}
	return r
}

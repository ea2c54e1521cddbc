// Package tracker is what the plugins have in common that carry the issues of a repository on GitHub over to an issue tracker,
// by a workflow of GitHub Actions.
//
// Anybody can write into an issue. So nothing of an event ever becomes a part of a script: a script reads the file that GitHub
// keeps the event in, and hands texts on through files and jq. A workflow uses no action of others, and its token may only do
// what the job needs.
package tracker

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
	"github.com/devstream-io/dtm/plugins/internal/workflow"
)

// Repository are the options that say where the workflow goes.
type Repository struct {
	Owner          string   `json:"owner"`
	Org            string   `json:"org"`
	Repo           string   `json:"repo"`
	Branch         string   `json:"branch"`
	BaseURL        string   `json:"baseURL"`
	Workflow       string   `json:"workflow"`
	ViaPullRequest bool     `json:"viaPullRequest"`
	Adopt          bool     `json:"adopt"`
	Runner         []string `json:"runner"`
	Rotation       string   `json:"rotation"`
}

// Place is where the workflow goes, and what becomes its secrets. standard is the name of its file if the options have none, as
// old ones have.
func (r Repository) Place(standard string, secrets ...workflow.Secret) workflow.Place {
	file := cmp.Or(r.Workflow, standard)
	at := workflow.Place{
		BaseURL: r.BaseURL, Path: scm.Path{Owner: cmp.Or(r.Org, r.Owner), Name: r.Repo}, Branch: cmp.Or(r.Branch, "main"),
		Files: []string{".github/workflows/" + file}, Adopt: r.Adopt, Secrets: map[string]workflow.Secret{},
	}
	if r.ViaPullRequest {
		at.Through = workflow.Through(file)
	}
	for _, s := range secrets {
		at.Secrets[workflow.SecretName(file, s.Variable)] = s
	}
	return at
}

// Legacy is where DevStream put the workflow and its secrets.
func (r Repository) Legacy(file string, secrets ...string) workflow.Place {
	r.Workflow, r.ViaPullRequest = file, false
	at := r.Place(file)
	for _, name := range secrets {
		at.Secrets[name] = workflow.Secret{}
	}
	return at
}

// Render makes a workflow of workflow.yml in files, a template whose actions stand in [[ ]]. It has the functions "yaml", for a
// text or a list in one line; "secret", for the expression that gives the value of a variable; "file", for the name of the
// workflow's file, which no other has; and "script", for scripts in files, one after another, from the column that it stands
// at.
func (r Repository) Render(files fs.FS, standard string, values any) (workflow.Document, error) {
	text, err := fs.ReadFile(files, "workflow.yml")
	if err != nil {
		return workflow.Document{}, err
	}
	t := template.New("workflow.yml").Delims("[[", "]]").Option("missingkey=error").Funcs(template.FuncMap{
		"yaml": quote,
		"file": func() string { return cmp.Or(r.Workflow, standard) },
		"secret": func(variable string) string {
			return "${{ secrets." + workflow.SecretName(cmp.Or(r.Workflow, standard), variable) + " }}"
		},
		"script": func(indent int, names ...string) (string, error) { return script(files, indent, names...) },
	})
	if t, err = t.Parse(string(text)); err != nil {
		return workflow.Document{}, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, values); err != nil {
		return workflow.Document{}, err
	}
	return workflow.Document{Text: b.Bytes()}, nil
}

// Missing is err, with a hint, where something of the tracker's is not there: that does not mean that the tool is not there, so
// it no longer wraps [plugins.ErrNotFound]. Any other error is err.
func Missing(err error, hint string) error {
	if !errors.Is(err, plugins.ErrNotFound) {
		return err
	}
	return plugins.Hinted(errors.New(err.Error()), hint)
}

// quote is a text or a list of texts in one line of YAML, where it means nothing else. JSON is YAML.
func quote(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	if strings.Contains(b.String(), "${{") {
		return "", fmt.Errorf("%s has an expression of GitHub's in it", strings.TrimSpace(b.String()))
	}
	return strings.TrimSpace(b.String()), nil
}

// script is some files as a block of YAML: the first line stands where the template is.
func script(files fs.FS, indent int, names ...string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(string(text)) {
			if strings.TrimSpace(line) != "" && b.Len() > 0 {
				b.WriteString(strings.Repeat(" ", indent))
			}
			b.WriteString(line)
		}
	}
	return strings.TrimRight(b.String(), "\n"), nil
}

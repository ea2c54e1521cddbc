package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// GitLabTemplate is #Options of gitlabci-generic.
type GitLabTemplate struct {
	GitLab
	TemplateURL string `json:"templateURL"`
	// Checksum is the SHA-256 of the template in hexadecimal digits, "" for any.
	Checksum string `json:"checksum"`
	// TemplateVariables are strings, numbers and booleans.
	TemplateVariables map[string]any `json:"templateVariables"`
	// Delimiters are what is before and behind what the template computes, with a space between.
	Delimiters string `json:"delimiters"`
}

// GitLabGeneric makes the plugin that keeps a file of somebody's own template.
func GitLabGeneric(env plugins.Env, hosts *scm.Hosts, name, schema string) plugins.Kind {
	return New(env, gitlabGeneric(env, hosts.GitLab, name, schema))
}

func gitlabGeneric(env plugins.Env, open func(context.Context, string) (scm.Host, error), name, schema string) Preset[GitLabTemplate, Outputs] {
	return Preset[GitLabTemplate, Outputs]{
		Name: name, Schema: schema, Open: open, GitLab: true,
		Place:   func(o GitLabTemplate) Place { return o.GitLab.place() },
		Outputs: Place.Outputs,
		Render: func(ctx context.Context, o GitLabTemplate) (Document, error) {
			text, err := source{env}.read(ctx, o.TemplateURL, o.Checksum)
			if err != nil {
				return Document{}, err
			}
			rendered, err := o.execute(text)
			if err != nil {
				return Document{}, fmt.Errorf("template %s: %w", shown(o.TemplateURL), err)
			}
			return Document{Text: rendered}, nil
		},
	}
}

// maxRendered is how long a file may be, in bytes: GitLab reads no longer ones.
const maxRendered = 1 << 20

var errTooLong = errors.New("it makes more than 1 MiB")

// execute fills the variables in. One that the template has and the options have not is an error.
func (o GitLabTemplate) execute(text []byte) ([]byte, error) {
	left, right, ok := strings.Cut(o.Delimiters, " ")
	if !ok {
		left, right = "{{", "}}"
	}
	t, err := template.New("template").Delims(left, right).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, plainer(err)
	}
	variables := o.TemplateVariables
	if variables == nil {
		variables = map[string]any{}
	}
	var b limited
	if err := t.Execute(&b, variables); err != nil {
		if errors.Is(err, errTooLong) {
			return nil, errTooLong
		}
		return nil, plainer(err)
	}
	return b.Bytes(), nil
}

// plainer is an error of text/template without its word for itself.
func plainer(err error) error {
	text := strings.TrimPrefix(err.Error(), "template: template:")
	text = strings.TrimPrefix(text, "template: ")
	return plugins.Hinted(errors.New("line "+text),
		"variables are under templateVariables; where {{ }} belong to the file itself, set delimiters: \"[[ ]]\"")
}

// limited is a buffer that refuses to become too long.
type limited struct{ bytes.Buffer }

func (b *limited) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxRendered {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

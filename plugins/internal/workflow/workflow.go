// Package workflow is the one implementation of every plugin that keeps a file in a repository by which its host builds,
// tests and publishes what is in there: GitHub Actions and GitLab CI. Each of those plugins is a [Preset] of it.
//
// A file is built as data and encoded by a YAML library, never put together as text: so whatever is in a name or a command
// is that name or that command, and nothing else. Before a file is pushed it is parsed and compared with the data that it was
// made of. What exists is told by the SHA-1s of blobs (package scm); whose it is, by a comment in its first line and a name
// that no other tool has.
package workflow

import (
	"context"
	_ "embed"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// Schema is the CUE package that the schemas of all presets import; its import path ends in [SharedName].
//
//go:embed workflow.cue
var Schema string

// SharedName is the name under which plugins' schemas import [Schema].
const SharedName = "workflow"

// Preset is what one plugin says of its file. O are its options, P its outputs.
type Preset[O, P any] struct {
	// Name is the plugin's name, Schema the text of its schema.cue.
	Name, Schema string
	// Open is the service, as in (*scm.Hosts).GitHub.
	Open func(ctx context.Context, baseURL string) (scm.Host, error)
	// GitLab tells that the service is GitLab, and not GitHub.
	GitLab bool
	// Place says where the file goes. It looks at the options alone, which may be incomplete where they were recorded.
	Place func(O) Place
	// Outputs are what other tools may refer to: [Place.Outputs], or [Place.ImageOutputs] where images are built.
	Outputs func(Place) P
	// Render makes the file. It changes nothing and may use the network.
	Render func(ctx context.Context, want O) (Document, error)
	// Legacy is where DevStream put its files. Nil where that was the same place.
	Legacy func(O) Place
}

// Place is where a tool keeps what.
type Place struct {
	// BaseURL is the service's, "" for the public one.
	BaseURL string
	Path    scm.Path
	Branch  string
	// Files are the paths of the files, of which Document is the first.
	Files []string
	// Secrets tell where their values come from, by the names of the secrets.
	Secrets map[string]Secret
	// Through is the branch that changes are proposed on, "" to commit them.
	Through string
	Adopt   bool
	// Image is the image that is pushed, without a tag, "" for none.
	Image string
}

// Secret tells where the value of a secret comes from.
type Secret struct {
	// Variable is that of dtm's environment. Hint says what to do where it is empty.
	Variable, Hint string
}

// Resource is what exists.
type Resource[P any] struct {
	scm.Kept
	// Status is what changes by itself.
	Status  Status `json:"status"`
	Outputs P      `json:"outputs"`
}

// Status is what changes by itself and is no drift.
type Status struct {
	// Proposal is the address of the pull or merge request that waits for somebody, "" if none does.
	Proposal string `json:"proposal,omitempty"`
}

// Outputs is #Outputs of workflow.cue.
type Outputs struct {
	// Repo is "owner/name".
	Repo   string `json:"repo"`
	Branch string `json:"branch"`
	File   string `json:"file"`
}

// ImageOutputs is #ImageOutputs of workflow.cue.
type ImageOutputs struct {
	Outputs
	Image string `json:"image"`
}

// Outputs are those of a file that builds no image.
func (at Place) Outputs() Outputs {
	return Outputs{Repo: at.Path.String(), Branch: at.Branch, File: at.Files[0]}
}

// ImageOutputs are those of a file that may build one.
func (at Place) ImageOutputs() ImageOutputs {
	return ImageOutputs{Outputs: at.Outputs(), Image: at.Image}
}

// New makes the plugin of a preset.
func New[O, P any](env plugins.Env, p Preset[O, P]) plugins.Kind {
	return plugins.New(p.Name, p.Schema, &plugin[O, P]{Preset: p, env: env}).Importing(SharedName, Schema)
}

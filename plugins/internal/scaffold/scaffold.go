// Package scaffold is what the plugins that make a repository with a first version of a service in it have in common.
//
// A scaffold is a beginning, and no dictatorship: what a template gives is written where nothing is, and brought up to date
// where it is still as dtm wrote it. What people have changed or removed since is theirs, and stays theirs. So that this can
// be told, the blob that was written of each file is remembered, in the journal and in the repository itself (manifest.go),
// which also tells a repository that an interrupted Create left from one that merely has the same name.
//
// It knows neither service: it speaks to an scm.Host. Templates come from this package (embedded.go), from a folder, an
// archive or a git repository; whatever they come from, they are read as untrusted: see template.go.
package scaffold

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// Schema is the CUE package that the schemas of the plugins import, as "devstream.io/dtm/shared/scaffold".
//
//go:embed scaffold.cue
var schema string

// Options is #Options of scaffold.cue.
type Options struct {
	Owner             string `json:"owner"`
	Org               string `json:"org"`
	Repo              string `json:"repo"`
	Branch            string `json:"branch"`
	ImageRepo         string `json:"image_repo"`
	BaseURL           string `json:"baseURL"`
	Visibility        string `json:"visibility"`
	Description       string `json:"description"`
	License           string `json:"license"`
	CI                string `json:"ci"`
	Template          string `json:"template"`
	TemplateChecksum  string `json:"templateChecksum"`
	TemplateRef       string `json:"templateRef"`
	Vars              Vars   `json:"vars,omitempty"`
	Adopt             bool   `json:"adopt"`
	ViaPullRequest    bool   `json:"viaPullRequest"`
	OnDelete          string `json:"onDelete"`
	PathWithNamespace string `json:"pathWithNamespace,omitempty"`
}

// What is done to a repository whose tool is deleted.
const (
	onDeleteArchive = "archive"
	onDeleteDelete  = "delete"
	onDeleteKeep    = "keep"
)

// ciNone is options.ci of who wants no file that a service runs; the others are names of services.
const ciNone = "none"

// Resource is what exists.
type Resource struct {
	// ID is the service's number for the repository, which no renaming changes.
	ID         int64  `json:"id"`
	Visibility string `json:"visibility"`
	// Description is left out where none is asked for.
	Description string `json:"description,omitempty"`
	Archived    bool   `json:"archived"`
	// Adopted tells that the repository was there before the tool.
	Adopted bool `json:"adopted"`
	// Template is what the files were made of the last time.
	Template Origin `json:"template"`
	// Files are the SHA-1s of the blobs that were written, by path. What the files are now is nobody's business but their
	// authors'.
	Files   map[string]string `json:"files"`
	Outputs Outputs           `json:"outputs"`
	Status  Status            `json:"status"`
}

// Outputs is #Outputs of scaffold.cue.
type Outputs struct {
	Owner         string `json:"owner"`
	Org           string `json:"org"`
	Repo          string `json:"repo"`
	RepoURL       string `json:"repoURL"`
	CloneURL      string `json:"cloneURL"`
	SSHURL        string `json:"sshURL"`
	WebURL        string `json:"webURL"`
	DefaultBranch string `json:"defaultBranch"`
}

// Status is what the last verb said, and may be otherwise by now.
type Status struct {
	// Proposal is the URL of the pull or merge request that waits for people.
	Proposal string `json:"proposal,omitempty"`
	// LeftAlone are the files that differ from the template and are not dtm's any more, sorted.
	LeftAlone []string `json:"leftAlone,omitempty"`
}

// Service is what a plugin says of its service.
type Service struct {
	// Name is the plugin's, and Schema its schema.cue.
	Name, Schema string
	// Open is the service at baseURL, "" for where the environment says. It is called inside verbs only.
	Open func(ctx context.Context, baseURL string) (scm.Host, error)
	// BaseURL is where the service is if the options do not say, "" for the public one.
	BaseURL func() string
}

// New makes the plugin of a service. Folders of templates that are relative begin at env.Dir.
func New(env plugins.Env, s Service) plugins.Kind {
	kind := plugins.New(s.Name, s.Schema, plugin{service: s, templates: templates{env: env}}).Importing("scaffold", schema)
	// A repository has a history, and what people have said of it.
	kind.Precious = true
	return kind
}

type plugin struct {
	service   Service
	templates templates
}

var (
	_ plugins.Plugin[Options, Resource]    = plugin{}
	_ plugins.Identifier[Options]          = plugin{}
	_ plugins.Previewer[Options, Resource] = plugin{}
)

// Identity is the repository's name and its service, for people. Neither service tells names by their case.
func (p plugin) Identity(o Options) string {
	at, err := o.path()
	if err != nil {
		return ""
	}
	return strings.ToLower(at.String() + " on " + p.service.place(o.BaseURL))
}

// place is where the service is, for people: one service has one name, whatever the form of its address.
func (s Service) place(baseURL string) string {
	// A plugin is named after its service.
	service, _, _ := strings.Cut(s.Name, "-")
	return scm.Place(service+".com", cmp.Or(baseURL, s.BaseURL()))
}

// path names the repository: the organisation's, if there is one.
func (o Options) path() (scm.Path, error) {
	at := scm.Path{Owner: cmp.Or(strings.Trim(o.Org, "/"), strings.Trim(o.Owner, "/")), Name: o.Repo}
	switch {
	case at.Owner == "":
		return at, plugins.Hinted(errors.New("neither owner nor org is set"), "owner is a user, org an organisation or a group; one of them has the repository")
	case !namePattern.MatchString(at.Name):
		return at, fmt.Errorf("repo %q is no name of letters, digits, \"-\", \"_\" and \".\", the first a letter or a digit", at.Name)
	case o.ImageRepo != "" && !imagePattern.MatchString(o.ImageRepo):
		return at, fmt.Errorf("image_repo %q is no name of an image", o.ImageRepo)
	}
	return at, nil
}

// The schema says the same. What comes by a reference it has not seen.
var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)
	imagePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/:-]*[A-Za-z0-9])?$`)
)

// branch is where the files are.
func (o Options) branch() string { return cmp.Or(o.Branch, "main") }

// settings are what a repository is to be. One that was adopted keeps what it has, unless the wish for it changes: who took
// over a public repository did not say by that, that it is to be hidden.
func (o Options) settings(have Options, repo scm.Repository, adopted bool) scm.Settings {
	with := scm.Settings{Description: o.Description, Visibility: scm.Visibility(o.Visibility), DefaultBranch: o.branch()}
	if adopted {
		with.DefaultBranch = ""
		if have.Visibility == "" || have.Visibility == o.Visibility {
			with.Visibility = ""
		}
	}
	if at, err := o.path(); with.Description == "" && err == nil && repo.Description == beginning(at) {
		with.Description = "Made by dtm."
	}
	return with
}

// resource is the one place that says what a repository looks like in the journal.
func (o Options) resource(repo scm.Repository, k known, s Status) Resource {
	r := Resource{
		ID:         repo.ID,
		Visibility: string(repo.Visibility),
		Archived:   repo.Archived,
		Adopted:    k.Adopted,
		Template:   k.Template,
		Files:      k.Files,
		Status:     s,
		Outputs: Outputs{
			Owner:         repo.Path.Owner,
			Repo:          repo.Path.Name,
			RepoURL:       repo.CloneURL,
			CloneURL:      repo.CloneURL,
			SSHURL:        repo.SSHURL,
			WebURL:        repo.WebURL,
			DefaultBranch: repo.DefaultBranch,
		},
	}
	if repo.OrgOwned {
		r.Outputs.Org = repo.Path.Owner
	}
	if o.Description != "" {
		r.Description = repo.Description
	}
	if r.Files == nil {
		r.Files = map[string]string{}
	}
	return r
}

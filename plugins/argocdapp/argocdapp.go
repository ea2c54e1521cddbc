// Package argocdapp manages an Application of Argo CD: what Argo CD is to deploy, from which repository, to where.
//
// The Application is written by server-side apply, so that fields that nobody here cares about stay as others have set
// them. Its source, destination and project, and when it syncs, are dtm's alone: Argo CD refuses an Application that says
// two things at once there, so what others add to them is drift, and goes (manifest.go).
//
// What Argo CD makes of it is Argo CD's business, and is waited for where there is an Argo CD to do it (wait.go,
// controller.go).
package argocdapp

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

//go:embed schema.cue
var schema string

// Options is #Options of schema.cue.
type Options struct {
	App         App         `json:"app"`
	Project     string      `json:"project"`
	Destination Destination `json:"destination"`
	Source      Source      `json:"source"`
	SyncPolicy  SyncPolicy  `json:"syncPolicy"`
	Wait        bool        `json:"wait"`
	Timeout     string      `json:"timeout"`
	Kubeconfig  string      `json:"kubeconfig"`
	Context     string      `json:"context"`
}

// App is which Application it is.
type App struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Destination is where Argo CD deploys to.
type Destination struct {
	Server    string `json:"server"`
	Namespace string `json:"namespace"`
}

// Source is what Argo CD deploys.
type Source struct {
	RepoURL    string   `json:"repoURL"`
	Path       string   `json:"path"`
	Revision   string   `json:"revision"`
	ValueFile  string   `json:"valuefile"`
	ValueFiles []string `json:"valueFiles"`
	// Parameters are strings, numbers and booleans.
	Parameters  map[string]json.RawMessage `json:"parameters"`
	ReleaseName string                     `json:"releaseName"`
	Kustomize   Kustomize                  `json:"kustomize"`
}

// Kustomize is what Kustomize is told.
type Kustomize struct {
	NamePrefix string   `json:"namePrefix"`
	NameSuffix string   `json:"nameSuffix"`
	Images     []string `json:"images"`
}

// SyncPolicy is when Argo CD deploys.
type SyncPolicy struct {
	Automated   bool     `json:"automated"`
	Prune       bool     `json:"prune"`
	SelfHeal    bool     `json:"selfHeal"`
	SyncOptions []string `json:"syncOptions"`
}

// Outputs is #Outputs of schema.cue.
type Outputs struct {
	Name                 string `json:"name"`
	Namespace            string `json:"namespace"`
	RepoURL              string `json:"repoURL"`
	Path                 string `json:"path"`
	DestinationServer    string `json:"destinationServer"`
	DestinationNamespace string `json:"destinationNamespace"`
}

// New makes the plugin. Its clusters are found among those given; nothing of env is used.
func New(_ plugins.Env, clusters *kube.Clusters) plugins.Kind {
	return plugins.New("argocdapp", schema, plugin{clusters: clusters})
}

type plugin struct {
	clusters *kube.Clusters
}

var (
	_ plugins.Plugin[Options, Resource]    = plugin{}
	_ plugins.Successor[Options, Resource] = plugin{}
	_ plugins.Identifier[Options]          = plugin{}
)

// Identity is the Application's name in its namespace in its cluster.
func (p plugin) Identity(o Options) string {
	if o.App.Name == "" {
		return ""
	}
	return p.clusters.Identity(o.Kubeconfig, o.Context) + "/" + o.App.Namespace + "/" + o.App.Name
}

// Create applies the Application. One of that name that is already there is taken over.
func (p plugin) Create(ctx context.Context, want Options) (Resource, error) { return p.put(ctx, want) }

// Read looks at the Application.
func (p plugin) Read(ctx context.Context, want Options, _ Resource) (Resource, error) {
	at, err := p.target(want)
	if err != nil {
		return Resource{}, err
	}
	object, err := at.cluster.Get(ctx, at.ref)
	if err != nil {
		return Resource{}, err
	}
	return observe(object), nil
}

// Update applies the Application anew. What would move it needs a replacement, by the schema.
func (p plugin) Update(ctx context.Context, want, _ Options, _ Resource) (Resource, error) {
	return p.put(ctx, want)
}

// Delete removes the Application and waits until it is gone, which is when Argo CD has removed what it deployed.
func (p plugin) Delete(ctx context.Context, have Options, _ Resource) error {
	at, err := p.target(have)
	if err != nil {
		return err
	}
	if err := at.cluster.Delete(ctx, at.ref); err != nil {
		return err
	}
	return at.gone(ctx)
}

// Succeed takes over DevStream's resource, which is a part of the Application as it was read back. The rest was the same
// for every Application of DevStream.
func (p plugin) Succeed(_ context.Context, have Options, old []byte) (Resource, error) {
	var was struct {
		App  App         `json:"app"`
		Dest Destination `json:"dest"`
		Src  struct {
			RepoURL   string `json:"repoURL"`
			Path      string `json:"path"`
			ValueFile string `json:"valueFile"`
		} `json:"src"`
	}
	if err := json.Unmarshal(old, &was); err != nil {
		return Resource{}, fmt.Errorf("resource of DevStream: %w", err)
	}
	o := Options{
		App: have.App, Destination: was.Dest, Project: "default",
		Source:     Source{RepoURL: was.Src.RepoURL, Path: was.Src.Path, ValueFile: was.Src.ValueFile, Revision: "HEAD"},
		SyncPolicy: SyncPolicy{Automated: true, Prune: true, SelfHeal: true},
	}
	if was.App.Name != "" {
		o.App.Name = was.App.Name
	}
	if was.App.Namespace != "" {
		o.App.Namespace = was.App.Namespace
	}
	return observe(named(manifest(o), o.App)), nil
}

// put makes the Application into what is wanted.
func (p plugin) put(ctx context.Context, want Options) (Resource, error) {
	if err := check(want); err != nil {
		return Resource{}, err
	}
	at, err := p.target(want)
	if err != nil {
		return Resource{}, err
	}
	object, err := at.apply(ctx, manifest(want))
	if err != nil {
		return Resource{}, err
	}
	if want.Wait {
		if object, err = at.settled(ctx, want, object); err != nil {
			return Resource{}, err
		}
	}
	return observe(object), nil
}

package argocdapp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// Resource is what exists of what dtm manages in an Application.
type Resource struct {
	Project     string      `json:"project"`
	Destination Destination `json:"destination"`
	Source      FoundSource `json:"source"`
	SyncPolicy  FoundPolicy `json:"syncPolicy"`
	// Cascade tells whether what Argo CD deployed goes with the Application.
	Cascade bool `json:"cascade"`
	// Deleting tells that the Application has been deleted and is not gone yet.
	Deleting bool `json:"deleting,omitempty"`
	// Foreign are the paths of fields that are dtm's and that dtm never sets, sorted. Their values are not kept.
	Foreign []string `json:"foreign,omitempty"`
	// Status is what changes by itself.
	Status  Status  `json:"status"`
	Outputs Outputs `json:"outputs"`
}

// FoundSource is a source as it was found.
type FoundSource struct {
	RepoURL    string   `json:"repoURL"`
	Path       string   `json:"path"`
	Revision   string   `json:"revision"`
	ValueFiles []string `json:"valueFiles,omitempty"`
	// Parameters are the SHA-256 of each parameter's value in hexadecimal digits, by name: the value may come from the
	// environment and then is not to be kept.
	Parameters  map[string]string `json:"parameters,omitempty"`
	ReleaseName string            `json:"releaseName,omitempty"`
	NamePrefix  string            `json:"namePrefix,omitempty"`
	NameSuffix  string            `json:"nameSuffix,omitempty"`
	Images      []string          `json:"images,omitempty"`
}

// FoundPolicy is a sync policy as it was found.
type FoundPolicy struct {
	Automated   bool     `json:"automated"`
	Prune       bool     `json:"prune"`
	SelfHeal    bool     `json:"selfHeal"`
	SyncOptions []string `json:"syncOptions,omitempty"`
}

// Status is what Argo CD says of the Application. It is empty where no Argo CD has looked at it.
type Status struct {
	// Sync is Argo CD's word, as in "Synced" or "OutOfSync".
	Sync string `json:"sync"`
	// Health is Argo CD's word, as in "Healthy" or "Degraded".
	Health string `json:"health"`
	// Revision is the commit that was compared.
	Revision string `json:"revision"`
	// Message is what is wrong, if anything is.
	Message string `json:"message"`
}

// every is an Application in which each field is set that dtm ever sets.
var every = Options{
	Source: Source{
		RepoURL: "x", Path: "x", Revision: "x", ValueFile: "x", ReleaseName: "x",
		Parameters: map[string]json.RawMessage{"x": json.RawMessage(`"x"`)},
		Kustomize:  Kustomize{NamePrefix: "x", NameSuffix: "x", Images: []string{"x"}},
	},
	Destination: Destination{Server: "x", Namespace: "x"},
	SyncPolicy:  SyncPolicy{Automated: true, SyncOptions: []string{"x"}},
}

// observe is the one place that says what an Application looks like in the journal. Whatever the Application is made
// of, it finds something to say: people edit them.
func observe(object kube.Object) Resource {
	spec := at[kube.Object](object, "spec")
	r := Resource{
		Project: at[string](spec, "project"),
		Destination: Destination{
			Server:    clean(at[string](spec, "destination", "server")),
			Namespace: at[string](spec, "destination", "namespace"),
		},
		Source: observeSource(at[kube.Object](spec, "source")),
		SyncPolicy: FoundPolicy{
			Automated:   at[any](spec, "syncPolicy", automated) != nil,
			Prune:       at[bool](spec, "syncPolicy", automated, "prune"),
			SelfHeal:    at[bool](spec, "syncPolicy", automated, "selfHeal"),
			SyncOptions: texts(at[[]any](spec, "syncPolicy", "syncOptions")),
		},
		Deleting: deleting(object),
		Status:   statusOf(object),
	}
	for _, name := range texts(at[[]any](object, "metadata", "finalizers")) {
		r.Cascade = r.Cascade || name == finalizer
	}
	_, r.Foreign = excess(owned(object), owned(manifest(every)))
	r.Outputs = Outputs{
		Name:                 at[string](object, "metadata", "name"),
		Namespace:            at[string](object, "metadata", "namespace"),
		RepoURL:              r.Source.RepoURL,
		Path:                 r.Source.Path,
		DestinationServer:    r.Destination.Server,
		DestinationNamespace: r.Destination.Namespace,
	}
	return r
}

func observeSource(source kube.Object) FoundSource {
	found := FoundSource{
		RepoURL:     clean(at[string](source, "repoURL")),
		Path:        at[string](source, "path"),
		Revision:    at[string](source, "targetRevision"),
		ValueFiles:  texts(at[[]any](source, "helm", "valueFiles")),
		ReleaseName: at[string](source, "helm", "releaseName"),
		NamePrefix:  at[string](source, "kustomize", "namePrefix"),
		NameSuffix:  at[string](source, "kustomize", "nameSuffix"),
		Images:      texts(at[[]any](source, "kustomize", "images")),
	}
	for _, item := range at[[]any](source, "helm", "parameters") {
		parameter, _ := item.(map[string]any)
		value := at[string](parameter, "value")
		if at[bool](parameter, "forceString") {
			value += "\x00forced"
		}
		if found.Parameters == nil {
			found.Parameters = map[string]string{}
		}
		sum := sha256.Sum256([]byte(value))
		found.Parameters[at[string](parameter, "name")] = hex.EncodeToString(sum[:])
	}
	return found
}

// deleting tells whether the Application has been deleted and waits for its finalizers.
func deleting(object kube.Object) bool {
	return at[string](object, "metadata", "deletionTimestamp") != ""
}

// texts are the strings in a list.
func texts(items []any) []string {
	var all []string
	for _, item := range items {
		if text, ok := item.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// Package helm is the one implementation of every plugin that installs a Helm chart; each of them is a [Preset] of it.
//
// It decides with Helm's SDK, and changes three things about it. First, Helm waits by its own clock and hears of no
// context: here an operation has a kube client of its own whose waits, hooks and requests end with the verb's context, and
// which tells how far the workloads are (client.go, wait.go). Second, what goes wrong is cleaned up by this package and not by
// Helm's Atomic, which needs the very connection that may just have been lost: a failed install is uninstalled, a failed
// upgrade is rolled back and never uninstalled, both under a context of their own (release.go). Third, charts are fetched
// through the client of [plugins.Env] and kept by their digest, so that an uninstall needs no repository at all (chart.go).
//
// What exists is read by one function (observe.go) from the release's record and from one list of each kind that its
// manifest has: a bounded number of requests, however many objects there are.
package helm

import (
	"context"
	_ "embed"
	"encoding/json"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// Schema is the CUE package that the schemas of all presets import; its import path ends in [SharedName].
//
//go:embed helm.cue
var Schema string

// SharedName is the name under which plugins' schemas import [Schema].
const SharedName = "helm"

// Options is #Options of helm.cue.
type Options struct {
	CreateNamespace bool   `json:"create_namespace"`
	Repo            Repo   `json:"repo"`
	Chart           Chart  `json:"chart"`
	Kubeconfig      string `json:"kubeconfig"`
	Context         string `json:"context"`
}

// Repo is where charts come from.
type Repo struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Username string `json:"username"`
	Password string `json:"password"`
	CAFile   string `json:"ca_file"`
}

// Chart is what is installed, and as what.
type Chart struct {
	ChartName   string          `json:"chart_name"`
	Version     string          `json:"version"`
	ReleaseName string          `json:"release_name"`
	Namespace   string          `json:"namespace"`
	Wait        bool            `json:"wait"`
	Timeout     string          `json:"timeout"`
	UpgradeCRDs bool            `json:"upgradeCRDs"`
	ValuesYAML  string          `json:"values_yaml"`
	Values      json.RawMessage `json:"values"`
}

// Resource is what exists: a release and its workloads.
type Resource struct {
	Release   string `json:"release"`
	Namespace string `json:"namespace"`
	// Revision is the release's, which every upgrade and every rollback raises.
	Revision int `json:"revision"`
	// State is Helm's word for how the last operation ended; all but "deployed" wants repair.
	State string       `json:"state"`
	Chart ChartVersion `json:"chart"`
	// ValuesHash is the HMAC-SHA-256, in hexadecimal digits, of the values that were given, as canonical JSON, under a key
	// that is in the cluster alone. It is empty where something else than dtm has made the revision.
	ValuesHash string `json:"valuesHash"`
	// Workloads are those of the release's manifest that exist, sorted.
	Workloads []Workload `json:"workloads"`
	// Absent are the release's other objects that somebody has removed, as in "ConfigMap argocd/argocd-cm", sorted.
	Absent []string `json:"absent,omitempty"`
	// Status is what changes by itself.
	Status  Status  `json:"status"`
	Outputs Outputs `json:"outputs"`
}

// ChartVersion is a chart to the byte.
type ChartVersion struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Digest is "sha256:" and the hexadecimal hash of the archive, or of the files of a folder. It is empty where
	// something else than dtm has made the revision.
	Digest string `json:"digest"`
}

// Workload is a Deployment, StatefulSet or DaemonSet.
type Workload struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Replicas is how many are wanted, where the manifest says so and nothing scales it by itself.
	Replicas *int32 `json:"replicas,omitempty"`
	// Images are by the name of the container.
	Images map[string]string `json:"images"`
	// Ready is there where the tool waits for the workload: what was waited for is to stay ready.
	Ready *bool `json:"ready,omitempty"`
}

// Status is what changes by itself and is no drift.
type Status struct {
	// Ready says how many workloads are ready, as in "3 of 7".
	Ready string `json:"ready"`
	// More is what a preset has to add, as whether a vault is sealed.
	More map[string]string `json:"more,omitempty"`
}

// Outputs is #Outputs of helm.cue.
type Outputs struct {
	Namespace string `json:"namespace"`
	Release   string `json:"release"`
	// URL is that of the tool's own ingress or service, "" if it has none.
	URL string `json:"url"`
	// URLs are those of every ingress and service, by name.
	URLs map[string]string `json:"urls"`
	// Secrets are the names of the release's secrets, sorted. Their values are nobody's business here.
	Secrets []string `json:"secrets"`
	// AdminSecret is the name of the secret with the first administrator's password, "" if there is none.
	AdminSecret string `json:"admin_secret"`
}

// Preset is what one plugin says of its chart. O are its options, of which Common makes the ones that all share.
type Preset[O any] struct {
	// Name is the plugin's name, Schema the text of its schema.cue.
	Name, Schema string
	// Common are the options that all presets share.
	Common func(O) Options
	// Services names, best first, the service or ingress of a release whose URL is the tool's. May be nil.
	Services func(release string) []string
	// AdminSecret names the secret with the first administrator's password. May be nil.
	AdminSecret func(release string) string
	// Prepare makes what the chart needs, in the namespace that is there by now. It may be called any number of times.
	// May be nil.
	Prepare func(ctx context.Context, at Target, want O) error
	// Clean removes what Prepare made, after the release is gone. May be nil.
	Clean func(ctx context.Context, at Target, have O) error
	// Status adds to what is shown and changes nothing. May be nil.
	Status func(ctx context.Context, at Target, have O) (map[string]string, error)
}

// Target is a release in a cluster.
type Target struct {
	Cluster   *kube.Cluster
	Namespace string
	Release   string
}

// Plain is the [Preset].Common of plugins that have no options of their own.
func Plain(o Options) Options { return o }

// New makes the plugin of a preset.
func New[O any](env plugins.Env, clusters *kube.Clusters, p Preset[O]) plugins.Kind {
	return plugins.New(p.Name, p.Schema, &plugin[O]{preset: p, clusters: clusters, charts: newCharts(env)}).Importing(SharedName, Schema)
}

// Merged are the values that the chart is given: values over values_yaml. They may hold secrets. The caller may change them.
func (o Options) Merged() (map[string]any, error) { return o.values() }

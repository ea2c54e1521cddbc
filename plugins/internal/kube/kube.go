// Package kube finds Kubernetes clusters and speaks to them, for the plugins that manage something there.
//
// It is the door to client-go. What it hands out is bound to a context, because much of client-go and all of Helm has no
// other way to be told to stop: see [Cluster.Config]. Errors come out explained: see [Explain].
package kube

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"

	"github.com/devstream-io/dtm/plugins"
)

// Clusters are the clusters that the process has been told of. It is safe for use by many goroutines.
type Clusters struct {
	env plugins.Env

	mu     sync.Mutex
	opened map[[2]string]opened
}

// opened is a cluster, and the files that it was read from as they were then.
type opened struct {
	cluster *Cluster
	files   string
}

// New makes Clusters that look in env for what an option does not say. It silences client-go's log, which is one for the
// whole process and writes on standard error, in the middle of whatever is drawn there: what matters comes as an error.
func New(env plugins.Env) *Clusters {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	return &Clusters{env: env, opened: map[[2]string]opened{}}
}

// Cluster is one cluster as one user of a kubeconfig sees it. It is safe for use by many goroutines.
type Cluster struct {
	// Name says in words which cluster it is, as in "context kind-test of /home/u/.kube/config".
	Name string
	// Namespace is the one that the context names, "default" if it names none.
	Namespace string

	config  *rest.Config
	present presence
}

// Requests of one tool are not to wait for one another: client-go's own limit, 5 a second, is meant for controllers that
// never end. The cluster defends itself with priority and fairness.
const (
	requestsPerSecond = 100
	requestsAtOnce    = 200
	// requestTimeout ends a request whose answer never comes. No request here waits for anything to happen.
	requestTimeout = 30 * time.Second
)

// Open finds the cluster of a kubeconfig file and a context in it. An empty path means $KUBECONFIG, which may be a list,
// else ~/.kube/config, else, inside a pod, the cluster around it; an empty context the current one. Nothing is sent to the
// cluster. That there is no configuration is an error: localhost is never tried.
func (c *Clusters) Open(kubeconfig, context string) (*Cluster, error) {
	key := [2]string{kubeconfig, context}
	c.mu.Lock()
	defer c.mu.Unlock()
	// A tool that makes a cluster writes them anew in the middle of a run.
	files := c.stamp(kubeconfig)
	if was, ok := c.opened[key]; ok && was.files == files {
		return was.cluster, nil
	}
	cluster, err := c.open(kubeconfig, context)
	if err != nil {
		return nil, err
	}
	c.opened[key] = opened{cluster, files}
	return cluster, nil
}

// stamp tells one state of the kubeconfig files from another.
func (c *Clusters) stamp(kubeconfig string) string {
	var b strings.Builder
	for _, path := range c.paths(kubeconfig) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// Identity names the cluster for comparing tools, without reading any file.
func (c *Clusters) Identity(kubeconfig, context string) string {
	return strings.Join(c.paths(kubeconfig), string(filepath.ListSeparator)) + "#" + context
}

func (c *Clusters) open(kubeconfig, context string) (*Cluster, error) {
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: c.paths(kubeconfig)}
	if kubeconfig != "" {
		// It was asked for by name: without it another cluster would be taken.
		rules = &clientcmd.ClientConfigLoadingRules{ExplicitPath: c.paths(kubeconfig)[0]}
	}
	where := strings.Join(c.paths(kubeconfig), " or ")
	loaded, err := rules.Load()
	if err != nil {
		return nil, plugins.Hinted(fmt.Errorf("kubeconfig %s: %w", where, err), "set the option kubeconfig, or KUBECONFIG, to a file that kubectl can use")
	}
	if len(loaded.Clusters) == 0 && kubeconfig == "" && context == "" && c.env.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("the cluster around this pod: %w", err)
		}
		return newCluster("the cluster around this pod", "default", config), nil
	}
	if len(loaded.Clusters) == 0 {
		return nil, plugins.Hinted(fmt.Errorf("no cluster in kubeconfig %s", where), "set the option kubeconfig, or KUBECONFIG, to a file that kubectl can use")
	}
	if context == "" {
		context = loaded.CurrentContext
	}
	// client-go's own words for these are that there is no configuration at all.
	named, there := loaded.Contexts[context], contextsOf(loaded)
	switch {
	case context == "":
		return nil, plugins.Hinted(fmt.Errorf("no context is the current one in kubeconfig %s", where), "set the option context: "+there)
	case named == nil:
		return nil, plugins.Hinted(fmt.Errorf("no context %q in kubeconfig %s", context, where), there)
	case loaded.Clusters[named.Cluster] == nil:
		return nil, fmt.Errorf("cluster %q of context %q does not exist in kubeconfig %s", named.Cluster, context, where)
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: context}
	client := clientcmd.NewNonInteractiveClientConfig(*loaded, context, overrides, rules)
	config, err := client.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", where, err)
	}
	namespace, _, err := client.Namespace()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", where, err)
	}
	return newCluster(fmt.Sprintf("context %s of %s", context, where), namespace, config), nil
}

func newCluster(name, namespace string, config *rest.Config) *Cluster {
	config.QPS, config.Burst = requestsPerSecond, requestsAtOnce
	config.UserAgent = "dtm"
	// The default prints what the server warns of on standard error, in the middle of whatever is drawn there.
	config.WarningHandler = rest.NoWarnings{}
	return &Cluster{Name: name, Namespace: namespace, config: config}
}

// paths are the files that a kubeconfig option means, absolute.
func (c *Clusters) paths(kubeconfig string) []string {
	list := []string{kubeconfig}
	if kubeconfig == "" {
		list = filepath.SplitList(c.env.Getenv("KUBECONFIG"))
	}
	var paths []string
	for _, path := range list {
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			path = filepath.Join(c.env.Getenv("HOME"), rest)
		}
		switch {
		case path == "":
		case filepath.IsAbs(path):
			paths = append(paths, filepath.Clean(path))
		default:
			paths = append(paths, filepath.Join(c.env.Dir, path))
		}
	}
	if len(paths) == 0 {
		paths = []string{filepath.Join(c.env.Getenv("HOME"), ".kube", "config")}
	}
	return paths
}

// contextsOf says which contexts there are.
func contextsOf(config *clientcmdapi.Config) string {
	if len(config.Contexts) == 0 {
		return "there is none"
	}
	return "there are " + strings.Join(slices.Sorted(maps.Keys(config.Contexts)), ", ")
}

package helm

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	helmkube "helm.sh/helm/v3/pkg/kube"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"

	"github.com/devstream-io/dtm/plugins"
)

// client is Helm's kube client, but its waits end with the operation's context and tell how far things are. That the
// server does not answer for a while ends no wait: it may be back before the time is over.
type client struct {
	*helmkube.Client
	ctx   context.Context
	typed kubernetes.Interface
	log   func(string, ...any)
	hear  func(error) error
	// still says what would not go, when something would not.
	still error
	// troubles counts requests that the server would not or could not answer.
	troubles atomic.Int64
	// removing tells that what is built is about to be removed.
	removing bool
}

var (
	_ helmkube.Interface                    = (*client)(nil)
	_ helmkube.InterfaceExt                 = (*client)(nil)
	_ helmkube.InterfaceThreeWayMerge       = (*client)(nil)
	_ helmkube.InterfaceDeletionPropagation = (*client)(nil)
	_ helmkube.InterfaceLogs                = (*client)(nil)
	_ helmkube.InterfaceResources           = (*client)(nil)
)

// Build is Helm's, but two things. What is to be removed and of a kind that the cluster no longer knows is gone already:
// its objects went with their definition. And nothing is validated before the server does. Helm would fetch and parse the
// OpenAPI description of each group, twice for an upgrade, only to find that the server can validate by itself, as all
// have since Kubernetes 1.25. For a chart of one ConfigMap that was three quarters of the processor time of an install.
func (c *client) Build(reader io.Reader, _ bool) (helmkube.ResourceList, error) {
	before := c.troubles.Load()
	resources, err := c.Client.Build(reader, false)
	err = c.passing(before, err)
	if c.removing && err != nil && utilerrors.FilterOut(err, meta.IsNoMatchError) == nil {
		return resources, nil
	}
	return resources, c.hear(err)
}

// Create is Helm's.
func (c *client) Create(resources helmkube.ResourceList) (*helmkube.Result, error) {
	result, err := c.Client.Create(resources)
	return result, c.hear(err)
}

// Update is Helm's.
func (c *client) Update(original, target helmkube.ResourceList, force bool) (*helmkube.Result, error) {
	before := c.troubles.Load()
	result, err := c.Client.Update(original, target, force)
	return result, c.hear(c.passing(before, err))
}

// passing marks an error as one that passes, where any request since then met with trouble of that kind: Helm makes text
// of what the server has said to each.
func (c *client) passing(since int64, err error) error {
	if c.troubles.Load() > since {
		return plugins.Retryable(err, 0)
	}
	return err
}

// DeleteWithPropagationPolicy is Helm's, but that there is nothing to delete is no error.
func (c *client) DeleteWithPropagationPolicy(resources helmkube.ResourceList, policy metav1.DeletionPropagation) (*helmkube.Result, []error) {
	if len(resources) == 0 {
		return &helmkube.Result{}, nil
	}
	result, errs := c.Client.DeleteWithPropagationPolicy(resources, policy)
	for _, err := range errs {
		_ = c.hear(err)
	}
	return result, errs
}

// GetPodList finds none: nobody reads what hooks print, so it is not asked for.
func (c *client) GetPodList(string, metav1.ListOptions) (*corev1.PodList, error) {
	return &corev1.PodList{}, nil
}

// waitingFor is what the user is told.
func waitingFor(left helmkube.ResourceList, total int) string {
	workloads := workloadsAmong(left)
	if len(workloads) == 0 {
		return "waiting for " + nameOf(left[0])
	}
	return fmt.Sprintf("%d of %d workloads ready: waiting for %s", total-len(workloads), total, workloads[0].Name)
}

func workloadsAmong(resources helmkube.ResourceList) helmkube.ResourceList {
	return resources.Filter(isOurWorkload)
}

func isOurWorkload(info *resource.Info) bool {
	return info.Mapping.GroupVersionKind.Group == "apps" && isWorkload(info.Mapping.GroupVersionKind.Kind)
}

// kept tells whether the chart says that an object outlives its release.
func kept(info *resource.Info) bool {
	object, ok := info.Object.(metav1.Object)
	return ok && object.GetAnnotations()[helmkube.ResourcePolicyAnno] == helmkube.KeepPolicy
}

func nameOf(info *resource.Info) string {
	kind := info.Mapping.GroupVersionKind.Kind
	if info.Namespace == "" {
		return kind + " " + info.Name
	}
	return kind + " " + info.Namespace + "/" + info.Name
}

func names(resources helmkube.ResourceList) string {
	const most = 5
	var all []string
	for _, info := range resources[:min(most, len(resources))] {
		all = append(all, nameOf(info))
	}
	if n := len(resources) - most; n > 0 {
		all = append(all, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(all, ", ")
}

package helm

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// PodLabels are the labels of the pods in the release's namespace that a label selector picks, by the pod's name.
func (t Target) PodLabels(ctx context.Context, selector string) (map[string]map[string]string, error) {
	typed, err := kubernetes.NewForConfig(t.Cluster.Config(ctx))
	if err != nil {
		return nil, err
	}
	pods, err := typed.CoreV1().Pods(t.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, t.Cluster.Explain(err)
	}
	labels := make(map[string]map[string]string, len(pods.Items))
	for i := range pods.Items {
		labels[pods.Items[i].Name] = pods.Items[i].Labels
	}
	return labels, nil
}

// Ask gets path, as in "/v1/sys/seal-status", from a service in the release's namespace, through the API server: dtm need
// not run inside the cluster. scheme is "http" or "https".
func (t Target) Ask(ctx context.Context, scheme, service, port, path string) ([]byte, error) {
	typed, err := kubernetes.NewForConfig(t.Cluster.Config(ctx))
	if err != nil {
		return nil, err
	}
	answer, err := typed.CoreV1().Services(t.Namespace).ProxyGet(scheme, service, port, path, nil).DoRaw(ctx)
	return answer, t.Cluster.Explain(err)
}

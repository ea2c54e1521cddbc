package argocdapp

import (
	"context"
	"fmt"

	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// controllerLabel is on Argo CD's application controller, however it was installed.
const controllerLabel = "app.kubernetes.io/name=argocd-application-controller"

// controllerKinds are what runs it: the first as installed by default, the second with dynamic cluster distribution.
var controllerKinds = []kube.Kind{
	{Group: "apps", Version: "v1", Name: "StatefulSet", Resource: "statefulsets"},
	{Group: "apps", Version: "v1", Name: "Deployment", Resource: "deployments"},
}

// controller names what would act on the Application, as in "StatefulSet argocd/argocd-application-controller", or says
// "" if nothing would. Argo CD acts on the namespace that it is in; on others only if it is told to, and then it has left
// its mark on an Application there. Where nobody may be asked, there is one: to wait in vain is better than to take an
// Application away from an Argo CD that was about to clean up.
func (t target) controller(ctx context.Context, object kube.Object) (string, error) {
	namespaces := []string{t.ref.Namespace}
	if statusOf(object).Sync != "" {
		namespaces = append(namespaces, "")
	}
	for _, namespace := range namespaces {
		for _, kind := range controllerKinds {
			found, err := t.cluster.List(ctx, kube.Ref{Kind: kind, Namespace: namespace}, controllerLabel)
			if kube.Forbidden(err) {
				return "the application controller of Argo CD", nil
			}
			if err != nil {
				return "", fmt.Errorf("looking for Argo CD: %w", err)
			}
			for _, workload := range found {
				replicas, said := at[any](workload, "spec", "replicas").(int64)
				if !said || replicas > 0 {
					return kube.Ref{
						Kind:      kind,
						Namespace: at[string](workload, "metadata", "namespace"),
						Name:      at[string](workload, "metadata", "name"),
					}.String(), nil
				}
			}
		}
	}
	return "", nil
}

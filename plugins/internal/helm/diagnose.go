package helm

import (
	"context"
	"fmt"
	"strings"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
)

var getOptions = metav1.GetOptions{}

// diagnosis is how long it may take to find out why something is not ready, once the time to wait is over.
const diagnosis = 5 * time.Second

// diagnose says of each resource why it is not ready, as far as the cluster tells: by its conditions, its pods and, where
// it has none, its events.
func (c *client) diagnose(resources helmkube.ResourceList) string {
	ctx, cancel := context.WithTimeout(c.ctx, diagnosis)
	defer cancel()
	const most = 3
	var all []string
	for _, info := range resources[:min(most, len(resources))] {
		text := nameOf(info)
		if why := c.why(ctx, info); why != "" {
			text += " (" + why + ")"
		}
		all = append(all, text)
	}
	if n := len(resources) - most; n > 0 {
		all = append(all, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(all, ", ")
}

func (c *client) why(ctx context.Context, info *resource.Info) string {
	object, err := c.typed.AppsV1().Deployments(info.Namespace).Get(ctx, info.Name, getOptions)
	if info.Mapping.GroupVersionKind.Kind == "Deployment" && err == nil {
		for _, condition := range object.Status.Conditions {
			// A quota or an admission controller that refuses the pods shows here, and nowhere else.
			if string(condition.Type) == "ReplicaFailure" && condition.Status == corev1.ConditionTrue {
				return condition.Message
			}
		}
	}
	selector, err := helmkube.SelectorsForObject(helmkube.AsVersioned(info))
	if err == nil {
		pods, err := c.typed.CoreV1().Pods(info.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
		if err == nil {
			for i := range pods.Items {
				if why := whyPod(&pods.Items[i]); why != "" {
					return why
				}
			}
			if len(pods.Items) > 0 {
				return fmt.Sprintf("%d pods, none with an error", len(pods.Items))
			}
		}
	}
	events, err := c.typed.CoreV1().Events(info.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "type=Warning,involvedObject.name=" + info.Name,
	})
	if err == nil && len(events.Items) > 0 {
		return events.Items[len(events.Items)-1].Message
	}
	return ""
}

// whyPod says why a pod is not ready, "" if it is or does not tell.
func whyPod(pod *corev1.Pod) string {
	statuses := append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...)
	for _, s := range statuses {
		if w := s.State.Waiting; w != nil && w.Reason != "" && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" {
			return fmt.Sprintf("pod %s: %s: %s", pod.Name, w.Reason, w.Message)
		}
		if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
			return fmt.Sprintf("pod %s: %s ended with exit code %d", pod.Name, s.Name, t.ExitCode)
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s: %s", pod.Name, condition.Message)
		}
	}
	if pod.Status.Phase == corev1.PodPending {
		return fmt.Sprintf("pod %s is pending", pod.Name)
	}
	return ""
}

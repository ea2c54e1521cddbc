package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// How a pod goes is written in its annotations, and can be changed while it is there:
//
//	dtm.test/behave: stuck    it never starts: its containers are being created
//	dtm.test/behave: nopull   it never starts: there is no such image
//	dtm.test/behave: unready  it runs, and is never ready
//	dtm.test/behave: crash    it runs again and again
//	dtm.test/behave: fail     it ends with an error
//	dtm.test/delay: 3s        it runs for so long before it is ready, or before a Job's pod ends
//
// Without them it is ready at once, and a Job's pod ends well at once.
const (
	behaveAnnotation = "dtm.test/behave"
	delayAnnotation  = "dtm.test/delay"
)

// addresses counts the pods that got an address.
var addresses atomic.Uint32

func (k *pretender) pod(ctx context.Context, pod *corev1.Pod) (again time.Duration, err error) {
	if pod.Spec.NodeName == "" {
		return 0, nil
	}
	pods := k.client.CoreV1().Pods(pod.Namespace)
	if pod.DeletionTimestamp != nil {
		k.seen.Delete(pod.UID)
		// Nothing runs that would have to end first.
		return 0, pods.Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
		})
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return 0, nil
	}
	now := time.Now()
	first, _ := k.seen.LoadOrStore(pod.UID, now)
	age := now.Sub(first.(time.Time))
	delay, _ := time.ParseDuration(pod.Annotations[delayAnnotation]) // what is no duration is none
	want := course(pod, age >= delay).status(pod, metav1.NewTime(now))
	if !apiequality.Semantic.DeepEqual(pod.Status, want) {
		pod = pod.DeepCopy()
		pod.Status = want
		if _, err := pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
			return 0, err
		}
	}
	return max(0, delay-age), nil
}

// A state is how a pod is: its phase, whether it is ready, and the state of each of its containers.
type state struct {
	phase     corev1.PodPhase
	ready     bool
	restarts  int32
	container func(now metav1.Time) corev1.ContainerState
}

// course is the state that a pod is in, given whether it has had the time it needs.
func course(pod *corev1.Pod, done bool) state {
	running := state{phase: corev1.PodRunning, container: runs}
	switch pod.Annotations[behaveAnnotation] {
	case "stuck":
		return state{phase: corev1.PodPending, container: waits("ContainerCreating", "")}
	case "nopull":
		return state{phase: corev1.PodPending, container: waits("ImagePullBackOff", "Back-off pulling image: not found")}
	case "unready":
		return running
	case "crash":
		return state{phase: corev1.PodRunning, restarts: 3, container: waits("CrashLoopBackOff", "back-off 40s restarting failed container")}
	case "fail":
		if done {
			return state{phase: corev1.PodFailed, container: ended(1, "Error")}
		}
		return running
	}
	job := slices.ContainsFunc(pod.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "Job" }) ||
		pod.Spec.RestartPolicy == corev1.RestartPolicyNever
	switch {
	case !done:
		return running
	case job:
		return state{phase: corev1.PodSucceeded, container: ended(0, "Completed")}
	}
	running.ready = true
	return running
}

func runs(now metav1.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
}

func waits(reason, message string) func(metav1.Time) corev1.ContainerState {
	return func(metav1.Time) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

func ended(code int32, reason string) func(metav1.Time) corev1.ContainerState {
	return func(now metav1.Time) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, Reason: reason, StartedAt: now, FinishedAt: now,
		}}
	}
}

// status is what the state means for a pod. Times are those of the first moment that it was so.
func (s state) status(pod *corev1.Pod, now metav1.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	now = now.Rfc3339Copy() // as it comes back
	status.Phase, status.HostIP = s.phase, "127.0.0.1"
	status.HostIPs = []corev1.HostIP{{IP: status.HostIP}}
	if status.StartTime == nil {
		status.StartTime = &now
	}
	// A pod that waits for its containers has no address yet.
	if s.phase != corev1.PodPending && status.PodIP == "" {
		n := addresses.Add(1)
		status.PodIP = fmt.Sprintf("10.20.%d.%d", n>>8&255, n&255)
		status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	}
	condition := func(kind corev1.PodConditionType, is bool) {
		value := corev1.ConditionFalse
		if is {
			value = corev1.ConditionTrue
		}
		i := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
		switch {
		case i < 0:
			status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: value, LastTransitionTime: now})
		case status.Conditions[i].Status != value:
			status.Conditions[i].Status, status.Conditions[i].LastTransitionTime = value, now
		}
	}
	condition(corev1.PodInitialized, s.phase != corev1.PodPending)
	condition(corev1.ContainersReady, s.ready)
	condition(corev1.PodReady, s.ready)
	for _, gate := range pod.Spec.ReadinessGates {
		condition(gate.ConditionType, s.ready)
	}

	before := status.ContainerStatuses
	status.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, container(c, s, before, now))
	}
	if s.phase == corev1.PodPending || len(status.InitContainerStatuses) > 0 {
		return status
	}
	for _, c := range pod.Spec.InitContainers {
		first := state{ready: true, container: ended(0, "Completed")}
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			first.container = runs // a sidecar
		}
		status.InitContainerStatuses = append(status.InitContainerStatuses, container(c, first, nil, now))
	}
	return status
}

func container(c corev1.Container, s state, before []corev1.ContainerStatus, now metav1.Time) corev1.ContainerStatus {
	state := s.container(now)
	started := state.Running != nil
	status := corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, Ready: s.ready, Started: &started, RestartCount: s.restarts, State: state,
	}
	for _, b := range before {
		// Since when is not asked anew each time.
		if b.Name == c.Name && b.State.Running != nil && state.Running != nil {
			status.State = b.State
		}
	}
	return status
}

package argocdapp

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/kube"
)

// settled waits until Argo CD has synced the Application as it was just applied, and it is healthy. It returns the
// Application as it is then, and at once where there is nobody to wait for.
func (t target) settled(ctx context.Context, want Options, applied kube.Object) (kube.Object, error) {
	if !want.SyncPolicy.Automated {
		plugins.Report(ctx, "not waiting for a sync: syncPolicy.automated is off, somebody else starts it")
		return applied, nil
	}
	controller, err := t.controller(ctx, applied)
	if err != nil {
		return nil, err
	}
	if controller == "" {
		plugins.Report(ctx, "not waiting for a sync: no application controller of Argo CD runs in namespace "+t.ref.Namespace)
		return applied, nil
	}
	within, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	last, before := applied, startOf(applied)
	err = t.cluster.Await(within, t.ref, func(object kube.Object) (bool, error) {
		switch {
		case object == nil:
			return false, fmt.Errorf("%s was deleted by somebody else", t.ref)
		case deleting(object):
			return false, fmt.Errorf("%s is being deleted by somebody else", t.ref)
		}
		last = object
		if !compared(object) {
			plugins.Report(ctx, "waiting for Argo CD to look at it")
			return false, nil
		}
		status := statusOf(object)
		if status.Sync == "Synced" && status.Health == "Healthy" && !syncing(object) {
			return true, nil
		}
		if failed(object) && startOf(object) != before {
			return false, fmt.Errorf("the sync of %s failed: %s", t.ref, orUnknown(at[string](object, "status", "operationState", "message")))
		}
		plugins.Report(ctx, describe(object))
		return false, nil
	})
	switch {
	case err == nil:
		return last, nil
	case ctx.Err() != nil || within.Err() == nil:
		return nil, err
	}
	why := "Argo CD has not looked at it"
	if compared(last) {
		why = describe(last)
	}
	return nil, plugins.Hinted(
		fmt.Errorf("%s is not synced and healthy after %s: %s%s", t.ref, t.timeout, why, trouble(err)),
		"`kubectl -n "+t.ref.Namespace+" describe application "+t.ref.Name+"` tells more, and "+controller+" logs it; `timeout` is how long it may take, `wait: false` does not wait")

}

// trouble is what Await tells of a cluster that did not answer.
func trouble(err error) string {
	if _, said, ok := strings.Cut(err.Error(), " ("); ok {
		return " (" + said
	}
	return ""
}

// gone waits until the Application that was deleted is no more. Where no Argo CD runs, nobody would ever take its
// finalizer away: then it is done here, and what was deployed stays.
func (t target) gone(ctx context.Context) error {
	object, err := t.cluster.Get(ctx, t.ref)
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !deleting(object) {
		return plugins.Retryable(fmt.Errorf("%s was made again by somebody else while it was deleted", t.ref), 0)
	}
	if held(object) {
		controller, err := t.controller(ctx, object)
		if err != nil {
			return err
		}
		if controller == "" {
			plugins.Report(ctx, "no application controller of Argo CD runs in namespace "+t.ref.Namespace+": what it deployed stays, only the Application goes")
			if err := t.release(ctx, object); err != nil {
				return err
			}
		}
	}
	within, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	last := object
	err = t.cluster.Await(within, t.ref, func(object kube.Object) (bool, error) {
		if object == nil || at[string](object, "metadata", "uid") != at[string](last, "metadata", "uid") {
			return true, nil
		}
		last = object
		plugins.Report(ctx, "waiting for "+strings.Join(texts(at[[]any](object, "metadata", "finalizers")), ", "))
		return false, nil
	})
	if err == nil || ctx.Err() != nil || within.Err() == nil {
		return err
	}
	text := strings.Join(texts(at[[]any](last, "metadata", "finalizers")), ", ")
	if why := statusOf(last).Message; why != "" {
		text += ": " + why
	}
	return plugins.Hinted(
		fmt.Errorf("%s is not gone after %s: it is held by %s%s", t.ref, t.timeout, text, trouble(err)),
		"is Argo CD well, and does it manage Applications in that namespace? Without the finalizer the Application goes and what it deployed stays")

}

// release takes Argo CD's finalizer away, and no other.
func (t target) release(ctx context.Context, object kube.Object) error {
	left := []any{}
	for _, name := range texts(at[[]any](object, "metadata", "finalizers")) {
		if name != finalizer {
			left = append(left, name)
		}
	}
	_, err := t.cluster.Merge(ctx, t.ref, kube.Object{"metadata": kube.Object{
		"finalizers": left,
		// Whoever has changed them in the meantime is not overruled.
		"resourceVersion": at[string](object, "metadata", "resourceVersion"),
	}})
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	return err
}

// held tells whether the Application waits for Argo CD before it goes.
func held(object kube.Object) bool {
	for _, name := range texts(at[[]any](object, "metadata", "finalizers")) {
		if name == finalizer {
			return true
		}
	}
	return false
}

// compared tells whether what Argo CD says is about the Application as it is now, and not as it was before a change.
// Versions that do not say what they have compared are believed.
func compared(object kube.Object) bool {
	if at[string](object, "status", "sync", "status") == "" {
		return false
	}
	to := at[kube.Object](object, "status", "sync", "comparedTo")
	if at[kube.Object](to, "source") == nil {
		return true
	}
	spec := at[kube.Object](object, "spec")
	return reflect.DeepEqual(observeSource(at[kube.Object](to, "source")), observeSource(at[kube.Object](spec, "source"))) &&
		at[string](to, "destination", "server") == at[string](spec, "destination", "server") &&
		at[string](to, "destination", "namespace") == at[string](spec, "destination", "namespace")
}

// syncing tells whether a sync is under way or asked for.
func syncing(object kube.Object) bool {
	phase := at[string](object, "status", "operationState", "phase")
	return phase == "Running" || phase == "Terminating" || at[any](object, "operation") != nil
}

// failed tells whether the last sync has ended, and not well.
func failed(object kube.Object) bool {
	phase := at[string](object, "status", "operationState", "phase")
	return (phase == "Failed" || phase == "Error") && at[string](object, "status", "operationState", "finishedAt") != ""
}

// startOf is when the last sync began.
func startOf(object kube.Object) string {
	return at[string](object, "status", "operationState", "startedAt")
}

// statusOf is what Argo CD says of the Application.
func statusOf(object kube.Object) Status {
	status := at[kube.Object](object, "status")
	s := Status{
		Sync:     at[string](status, "sync", "status"),
		Health:   at[string](status, "health", "status"),
		Revision: at[string](status, "sync", "revision"),
	}
	switch {
	case failed(object):
		s.Message = at[string](status, "operationState", "message")
	case condition(status) != "":
		s.Message = condition(status)
	case s.Health != "Healthy":
		s.Message = at[string](status, "health", "message")
	}
	return s
}

// condition is the first thing that Argo CD finds wrong with the Application.
func condition(status kube.Object) string {
	for _, item := range at[[]any](status, "conditions") {
		c, _ := item.(map[string]any)
		if kind := at[string](c, "type"); strings.HasSuffix(kind, "Error") {
			return kind + ": " + at[string](c, "message")
		}
	}
	return ""
}

// describe says in a line how far Argo CD is, as in "synced, health: Progressing: waiting for Deployment hello".
func describe(object kube.Object) string {
	s := statusOf(object)
	text := map[string]string{"Synced": "synced", "OutOfSync": "out of sync"}[s.Sync]
	if text == "" {
		text = "sync: " + orUnknown(s.Sync)
	}
	if syncing(object) {
		text += ", syncing"
		if message := at[string](object, "status", "operationState", "message"); message != "" {
			text += ": " + message
		}
	}
	if s.Health != "" {
		text += ", health: " + s.Health
		if s.Health != "Healthy" {
			if waits := unhealthy(object); waits != "" {
				text += ": waiting for " + waits
			}
		}
	}
	if s.Message != "" {
		text += ": " + s.Message
	}
	return text
}

// unhealthy is the first of the Application's objects that is not healthy, and why. Newer versions of Argo CD do not
// tell it here.
func unhealthy(object kube.Object) string {
	for _, item := range at[[]any](object, "status", "resources") {
		r, _ := item.(map[string]any)
		switch at[string](r, "health", "status") {
		case "", "Healthy", "Suspended":
			continue
		}
		text := at[string](r, "kind") + " " + at[string](r, "name")
		if message := at[string](r, "health", "message"); message != "" {
			text += " (" + message + ")"
		}
		return text
	}
	return ""
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// timeoutOf is how long to wait; nothing is the schema's default, as in options recorded by DevStream.
func timeoutOf(text string) (time.Duration, error) {
	if text == "" {
		return 5 * time.Minute, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("timeout %q: want a time as in \"90s\" or \"5m\"", text)
	}
	return d, nil
}

package helm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"helm.sh/helm/v3/pkg/action"
	helmkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/client-go/kubernetes"
)

// operation is one thing that Helm is asked to do: an install, an upgrade, a look at what is there. Helm's types keep
// state between their methods and are not safe for two goroutines, so each operation has its own; what they share is the
// connection. Everything that it asks of the cluster ends with its context.
type operation struct {
	Target
	ctx    context.Context
	getter *getter
	typed  kubernetes.Interface
	cfg    *action.Configuration
	kube   *client

	mu sync.Mutex
	// complaint is the last thing that Helm has logged as gone wrong; some of its errors do not say why.
	complaint string
	// heard are errors by their text, because Helm makes mere text of many of them.
	heard map[string]error
	// begun tells that this operation may have written a revision: what is there from then on is its own to clean up.
	begun bool
}

// operate makes an operation. Nothing is asked of the cluster yet.
func operate(ctx context.Context, at Target) (*operation, error) {
	op := &operation{
		Target: at, ctx: ctx, heard: map[string]error{},
		getter: &getter{config: at.Cluster.Config(ctx), namespace: at.Namespace},
	}
	op.getter.config.Wrap(func(base http.RoundTripper) http.RoundTripper { return &listening{base: base, op: op} })
	typed, err := kubernetes.NewForConfig(op.getter.config)
	if err != nil {
		return nil, err
	}
	op.typed = typed
	secrets := driver.NewSecrets(typed.CoreV1().Secrets(at.Namespace))
	secrets.Log = op.log
	inner := helmkube.New(op.getter)
	inner.Log, inner.Namespace = op.log, at.Namespace
	op.kube = &client{Client: inner, ctx: ctx, typed: typed, log: op.log, hear: op.hear}
	op.cfg = &action.Configuration{
		RESTClientGetter: op.getter,
		Releases:         storage.Init(&records{Driver: secrets, op: op}),
		KubeClient:       op.kube,
		Log:              op.log,
	}
	op.cfg.Releases.Log = op.log
	return op, nil
}

func (op *operation) log(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	zerolog.Ctx(op.ctx).Debug().Str("release", op.Release).Msg(text)
	if strings.Contains(strings.ToLower(text), "failed") {
		op.mu.Lock()
		defer op.mu.Unlock()
		op.complaint = text
	}
}

// hear keeps an error in case that Helm makes text of it. It returns it.
func (op *operation) hear(err error) error {
	if err != nil {
		op.mu.Lock()
		defer op.mu.Unlock()
		op.heard[err.Error()] = err
	}
	return err
}

// explain adds what Helm has only logged, and what the user can do.
func (op *operation) explain(err error) error {
	if err == nil {
		return nil
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	// This is all that Helm says of a delete that was refused.
	if strings.Contains(err.Error(), "failed to delete release") && op.complaint != "" {
		err = fmt.Errorf("%w: %s", err, op.complaint)
	}
	if cause := context.Cause(op.ctx); cause != nil {
		if err.Error() == cause.Error() {
			return err
		}
		return fmt.Errorf("%w (%w)", cause, err)
	}
	var longest string
	for text, heard := range op.heard {
		if len(text) > len(longest) && strings.Contains(err.Error(), text) && !errors.Is(err, heard) {
			longest = text
		}
	}
	if longest != "" {
		err = &retold{err: err, heard: op.heard[longest]}
	}
	return op.Cluster.Explain(err)
}

// retold is an error of Helm's that has only the text of another one.
type retold struct{ err, heard error }

func (e *retold) Error() string   { return e.err.Error() }
func (e *retold) Unwrap() []error { return []error{e.err, e.heard} }

// listening hears of connections that fail and of servers that are in trouble.
type listening struct {
	base http.RoundTripper
	op   *operation
}

func (l *listening) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.base.RoundTrip(r)
	switch {
	case err != nil && l.op.ctx.Err() == nil:
		l.op.kube.troubles.Add(1)
		l.op.mu.Lock()
		defer l.op.mu.Unlock()
		l.op.heard[err.Error()] = &url.Error{Op: r.Method, URL: r.URL.Redacted(), Err: err}
	case err == nil && (response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTooManyRequests):
		l.op.kube.troubles.Add(1)
	}
	return response, err
}

// records is where Helm keeps its releases.
type records struct {
	driver.Driver
	op *operation
}

// Create takes note that there may be something to clean up: an error need not mean that nothing was written.
func (r *records) Create(key string, rel *release.Release) error {
	err := r.Driver.Create(key, rel)
	if !errors.Is(err, driver.ErrReleaseExists) {
		r.op.begun = true
	}
	return r.op.hear(err)
}

// Get is the driver's.
func (r *records) Get(key string) (*release.Release, error) {
	rel, err := r.Driver.Get(key)
	return rel, r.op.hear(err)
}

// Delete keeps the record of a release whose objects are not gone: Helm would forget what it has not removed.
func (r *records) Delete(key string) (*release.Release, error) {
	if r.op.kube.still != nil {
		return nil, r.op.kube.still
	}
	rel, err := r.Driver.Delete(key)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return rel, nil // somebody else was faster
	}
	return rel, r.op.hear(err)
}

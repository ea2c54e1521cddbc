package argocdapp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	resource "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
)

func TestWithoutArgoCDsDefinitionsThereAreNoApplications(t *testing.T) {
	t.Parallel()
	cluster := parts.StartCluster(t)
	w := world{cluster: cluster, namespace: "argocd", kind: kindFor(t, cluster.Kubeconfig())}
	o := encode(w.options("hello"))
	if _, err := w.kind.Read(t.Context(), o, nil); !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("read returned %v", err)
	}
	if err := w.kind.Delete(t.Context(), o, nil); err != nil {
		t.Errorf("delete returned %v", err)
	}
	_, err := w.kind.Create(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "does not know the kind Application (argoproj.io/v1alpha1)") || !strings.Contains(hintOf(err), "dependsOn") {
		t.Errorf("create returned %v, hint %q", err, hintOf(err))
	}

	w.define(t)
	_, err = w.kind.Create(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), `there is no namespace "argocd"`) || hintOf(err) == "" {
		t.Errorf("create without the namespace returned %v", err)
	}

	// The same cluster, for it is dear: its API server goes away in the middle of the wait.
	w = newWorld(t, cluster)
	a := w.playArgo(t, ill)
	heard, ended := verb(t.Context(), func(ctx context.Context) error {
		_, err := w.kind.Create(ctx, encode(w.options("hello", func(o *Options) { o.Timeout = "2m" })))
		return err
	})
	hear(t, heard, "Degraded")
	cluster.StopAPI(t)
	hear(t, heard, "does not answer")
	cluster.StartAPI(t)
	a.sees(well)
	if err := await(t, "the end of create", ended, 30*time.Second); err != nil {
		t.Fatal(err)
	}

	cluster.StopAPI(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = w.kind.Read(ctx, encode(w.options("hello")), nil)
	if _, may := plugins.RetryAfter(err); !may || errors.Is(err, plugins.ErrNotFound) || hintOf(err) == "" {
		t.Errorf("without a server read returned %v", err)
	}
	if err := w.kind.Delete(ctx, encode(w.options("hello")), nil); err == nil {
		t.Error("without a server delete has nothing to say")
	}
	cluster.StartAPI(t)
}

func TestWhatIsForbiddenIsToldWithTheRightThatLacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	o := encode(w.options("hello"))
	kind := kindFor(t, w.cluster.KubeconfigFor(t, "nobody"))
	_, err := kind.Create(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), `cannot patch resource "applications"`) || !strings.Contains(hintOf(err), "Role") {
		t.Errorf("create returned %v, hint %q", err, hintOf(err))
	}
	if _, err := kind.Read(t.Context(), o, nil); err == nil || errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("read returned %v", err)
	}
	if err := kind.Delete(t.Context(), o, nil); err == nil {
		t.Error("delete has nothing to say")
	}
}

// A user who may do nothing but manage Applications waits for Argo CD all the same.
func TestWhoMayNotLookForArgoCDWaitsForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	a := w.playArgo(t, nil)
	rbac := func(name string) resource.GroupVersionResource {
		return resource.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: name}
	}
	w.make(t, rbac("roles"), w.namespace, unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": map[string]any{"name": "apps"},
		"rules": []any{map[string]any{"apiGroups": []any{"argoproj.io"}, "resources": []any{"applications"}, "verbs": []any{"get", "patch", "create", "delete"}}},
	}})
	w.make(t, rbac("rolebindings"), w.namespace, unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": map[string]any{"name": "apps"},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "apps"},
		"subjects": []any{map[string]any{"kind": "User", "name": "developer"}},
	}})
	kind := kindFor(t, w.cluster.KubeconfigFor(t, "developer"))
	o := encode(w.options("hello"))
	w.cluster.Until(t, "the right is there", func(ctx context.Context) (bool, error) {
		_, err := kind.Read(ctx, o, nil)
		return errors.Is(err, plugins.ErrNotFound), nil
	})
	heard, ended := verb(t.Context(), func(ctx context.Context) error { _, err := kind.Create(ctx, o); return err })
	hear(t, heard, "waiting for Argo CD to look at it")
	a.sees(well)
	if err := await(t, "the end of create", ended, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := kind.Delete(t.Context(), o, nil); err != nil {
		t.Error(err)
	}
}

func TestCredentialsInAnAddressGoNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	for _, address := range []string{
		"https://user:s3cret@example.com/repo.git", "https://s3cret@example.com/repo.git", "HTTPS://x:s3cret@h/", "http://:s3cret@h", "ssh://git:s3cret@h/repo", "https://a@s3cret@h/%zz",
	} {
		_, err := w.kind.Create(t.Context(), encode(w.options("hello", func(o *Options) { o.Source.RepoURL = address })))
		if err == nil || strings.Contains(err.Error()+hintOf(err), "s3cret") || !strings.Contains(hintOf(err), "repository secret") {
			t.Errorf("%s: %v", address, err)
		}
		if w.get(t, "hello") != nil {
			t.Fatalf("%s went to the cluster", address)
		}
	}
	for _, address := range []string{
		"https://example.com/a@b.git", "git@example.com:org/repo.git", "ssh://git@example.com/repo.git", "https://example.com?x=a@b", "file:///srv/repo",
	} {
		if hasCredentials(address) || clean(address) != address {
			t.Errorf("%s counts as one with credentials", address)
		}
	}
	// Somebody else may well have written them there.
	o := w.options("hello")
	w.create(t, o)
	w.mustEdit(t, "hello", `{"spec":{"source":{"repoURL":"https://user:s3cret@example.com/repo.git","helm":{"values":"password: s3cret","parameters":[{"name":"password","value":"s3cret"}]}}}}`)
	found := w.read(t, o)
	if strings.Contains(string(encode(found)), "s3cret") {
		t.Errorf("read tells it: %s", encode(found))
	}
	if found.Source.RepoURL != "https://***@example.com/repo.git" {
		t.Errorf("the address is %s", found.Source.RepoURL)
	}
	if _, err := w.kind.Update(t.Context(), encode(o), encode(o), encode(found)); err != nil {
		t.Fatal(err)
	}
	if text := string(encode(w.get(t, "hello").Object["spec"])); strings.Contains(text, "s3cret") {
		t.Errorf("it is still in the cluster: %s", text)
	}
}

func TestWhatOthersAddToTheApplicationStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	o := w.options("hello", func(o *Options) { o.Wait = false })
	made := w.create(t, o)
	w.mustEdit(t, "hello", `{
		"metadata":{"labels":{"team":"web"},"annotations":{"notes":"x"}},
		"spec":{"revisionHistoryLimit":3,"info":[{"name":"a","value":"b"}],"syncPolicy":{"retry":{"limit":2}}},
		"status":{"sync":{"status":"OutOfSync"}}}`)
	found := w.read(t, o)
	found.Status = made.Status
	if got, want := string(encode(found)), string(encode(made)); got != want {
		t.Errorf("that counts as drift: %s, want %s", got, want)
	}
	changed := o
	changed.Source.Path = "other"
	if _, err := w.kind.Update(t.Context(), encode(changed), encode(o), encode(made)); err != nil {
		t.Fatal(err)
	}
	app := w.get(t, "hello")
	for _, path := range [][]string{
		{"metadata", "labels", "team"}, {"metadata", "annotations", "notes"}, {"spec", "revisionHistoryLimit"}, {"spec", "info"}, {"spec", "syncPolicy", "retry", "limit"},
	} {
		if at[any](app.Object, path...) == nil {
			t.Errorf("%s is gone", strings.Join(path, "."))
		}
	}
}

func TestEveryEditOfWhatIsOursIsDriftAndPutRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	o := w.options("hello", func(o *Options) {
		o.Source.Parameters = map[string]json.RawMessage{"a": json.RawMessage(`true`)}
		o.SyncPolicy.SyncOptions = []string{"CreateNamespace=true"}
	})
	made := w.create(t, o)
	for name, patch := range map[string]string{
		"revision":             `{"spec":{"source":{"targetRevision":"v0"}}}`,
		"path":                 `{"spec":{"source":{"path":"elsewhere"}}}`,
		"to a directory":       `{"spec":{"source":{"helm":null,"directory":{"recurse":true}}}}`,
		"to kustomize":         `{"spec":{"source":{"helm":null,"kustomize":{"namePrefix":"x-"}}}}`,
		"inline values":        `{"spec":{"source":{"helm":{"values":"a: b"}}}}`,
		"value of a parameter": `{"spec":{"source":{"helm":{"parameters":[{"name":"a","value":"false"}]}}}}`,
		"forced parameter":     `{"spec":{"source":{"helm":{"parameters":[{"name":"a","value":"true","forceString":true}]}}}}`,
		"more value files":     `{"spec":{"source":{"helm":{"valueFiles":["values.yaml","more.yaml"]}}}}`,
		"several sources":      `{"spec":{"sources":[{"repoURL":"https://example.com/other.git","path":"x"}]}}`,
		"destination":          `{"spec":{"destination":{"namespace":"kube-system"}}}`,
		"destination by name":  `{"spec":{"destination":{"name":"in-cluster"}}}`,
		"project":              `{"spec":{"project":"other"}}`,
		"not automated":        `{"spec":{"syncPolicy":{"automated":null}}}`,
		"automated but off":    `{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}`,
		"no prune":             `{"spec":{"syncPolicy":{"automated":{"prune":false}}}}`,
		"sync options":         `{"spec":{"syncPolicy":{"syncOptions":null}}}`,
		"finalizer":            `{"metadata":{"finalizers":null}}`,
	} {
		w.mustEdit(t, "hello", patch)
		found := w.read(t, o)
		if string(encode(found)) == string(encode(made)) {
			t.Errorf("%s: read does not see it", name)
		}
		r, err := w.kind.Update(t.Context(), encode(o), encode(o), encode(found))
		if err != nil || string(r) != string(encode(made)) {
			t.Errorf("%s: update returned %s, %v; want %s", name, r, err, encode(made))
		}
	}

	manual := w.options("hello", func(o *Options) { o.SyncPolicy.Automated, o.Source.ValueFile = false, "" })
	want, err := w.kind.Update(t.Context(), encode(manual), encode(o), encode(made))
	if err != nil {
		t.Fatal(err)
	}
	w.mustEdit(t, "hello", `{"spec":{"syncPolicy":{"automated":{}},"source":{"helm":{"releaseName":"x"}}}}`)
	if found := w.read(t, manual); !found.SyncPolicy.Automated {
		t.Error("read does not see that it was automated")
	}
	if r, err := w.kind.Update(t.Context(), encode(manual), encode(manual), nil); err != nil || string(r) != string(want) {
		t.Errorf("update returned %s, %v; want %s", r, err, want)
	}
}

// counting passes requests on and counts them.
type counting struct {
	base http.RoundTripper
	n    atomic.Int32
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.base.RoundTrip(r)
}

func TestVerbsMakeFewRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	transport, kubeconfig := failing(t, w.cluster)
	count := &counting{base: transport.Base}
	transport.Base = count
	kind := kindFor(t, kubeconfig)
	o := encode(w.options("hello"))
	steps := []struct {
		name string
		do   func() error
		want int32
	}{
		{"create", func() error { _, err := kind.Create(t.Context(), o); return err }, 3}, // apply, and look for Argo CD in two kinds
		{"read", func() error { _, err := kind.Read(t.Context(), o, nil); return err }, 1},
		{"update", func() error { _, err := kind.Update(t.Context(), o, o, nil); return err }, 3},
		{"delete", func() error { return kind.Delete(t.Context(), o, nil) }, 6}, // and look, release, look again
	}
	for _, step := range steps {
		before := count.n.Load()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := count.n.Load() - before; got != step.want {
			t.Errorf("%s makes %d requests, want %d", step.name, got, step.want)
		}
	}
}

func TestAnotherContextIsAnotherApplication(t *testing.T) {
	t.Parallel()
	cluster := parts.SharedCluster(t)
	kind := kindFor(t, cluster.Kubeconfig())
	w := world{namespace: "argocd"}
	identity := func(change func(*Options)) string {
		text, err := kind.Identity(t.Context(), encode(w.options("hello", change)))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	same := identity(func(o *Options) { o.Source.Path = "x" })
	for name, change := range map[string]func(*Options){
		"name":       func(o *Options) { o.App.Name = "other" },
		"namespace":  func(o *Options) { o.App.Namespace = "other" },
		"context":    func(o *Options) { o.Context = "other" },
		"kubeconfig": func(o *Options) { o.Kubeconfig = "/other" },
	} {
		if identity(change) == same {
			t.Errorf("another %s is the same thing", name)
		}
	}
	if identity(func(*Options) {}) != same || same == "" {
		t.Errorf("identity %q", same)
	}
}

func TestAKubeconfigOptionIsRelativeToTheConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, parts.SharedCluster(t))
	dir := t.TempDir()
	_, kubeconfig := failing(t, w.cluster)
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	kind := kindIn(dir, "")
	o := w.options("hello", func(o *Options) { o.Kubeconfig, o.Context = "cluster.yaml", "p" })
	if _, err := kind.Create(t.Context(), encode(o)); err != nil {
		t.Fatal(err)
	}
	o.Context = "none"
	if _, err := kind.Read(t.Context(), encode(o), nil); err == nil || errors.Is(err, plugins.ErrNotFound) || hintOf(err) != "there are p" {
		t.Errorf("in a context that is not there read returned %v", err)
	}
	if _, err := w.apps().Get(t.Context(), "hello", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

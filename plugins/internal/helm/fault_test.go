package helm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// says fails the test unless the error says all of this.
func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("there is no error, want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func hints(t *testing.T, err error, part string) {
	t.Helper()
	var h interface{ Hint() string }
	if !errors.As(err, &h) || !strings.Contains(h.Hint(), part) {
		t.Errorf("error %v has no hint with %q", err, part)
	}
}

// A create that fails leaves nothing, an update that fails leaves what was there, and no verb says that all is well when
// it is not: whichever of their requests fails.
func TestWhateverRequestFailsTheVerbTellsTheTruth(t *testing.T) {
	t.Parallel()
	full(t)
	cluster := parts.SharedCluster(t)
	path, err := absolute("testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	greeting := func(w *world) string {
		config, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "r", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		return config.Data["greeting"]
	}
	for _, when := range []plugintest.When{plugintest.Before, plugintest.After} {
		for _, verb := range []string{"create", "update", "delete"} {
			t.Run(verb+" "+when.String(), func(t *testing.T) {
				t.Parallel()
				for n, hit := 1, true; hit; n++ {
					between := newProxy(t, cluster)
					w := worldOf(t, cluster, between.kubeconfig)
					w.makeNamespace()
					want, changed := w.wish(path, `{}`), w.wish(path, `{"greeting": "ahoy"}`)
					var r Resource
					if verb != "create" {
						r, err := w.plugin.Create(t.Context(), want)
						w.must(err)
						w.readsAs(want, r)
					}
					heal := between.fail(n, when)
					var err error
					switch verb {
					case "create":
						_, err = w.plugin.Create(t.Context(), want)
					case "update":
						_, err = w.plugin.Update(t.Context(), changed, want, r)
					case "delete":
						err = w.plugin.Delete(t.Context(), want, r)
					}
					hit = heal()
					switch there := greeting(w); {
					case verb == "create" && err == nil && there != "hello", verb == "update" && err == nil && there != "ahoy":
						t.Errorf("request %d failed and the error is none; there is %q", n, there)
					case verb == "update" && err != nil && there != "hello" && there != "ahoy":
						t.Errorf("request %d failed: %v; there is %q", n, err, there)
					case verb == "delete" && err == nil, verb == "create" && err != nil:
						if left, _ := w.leftovers(t.Context()); len(left) > 0 {
							t.Errorf("request %d failed: %v; there is still %v", n, err, left)
						}
					}
					if _, passing := plugins.RetryAfter(err); err != nil && !passing {
						t.Errorf("request %d failed and nobody will try again: %v", n, err)
					}
				}
			})
		}
	}
}

func TestAStuckInstallSaysWhatIsStuckAndLeavesNothing(t *testing.T) {
	t.Parallel()
	full(t)
	for behave, why := range map[string]string{
		"stuck":   "pod r-stuck-",
		"nopull":  "ImagePullBackOff",
		"crash":   "CrashLoopBackOff",
		"unready": "pod",
	} {
		t.Run(behave, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			want := w.wish(chartFolder(t, "stuck"), `{"stuck": true, "behave": "`+behave+`"}`)
			want.Chart.Timeout = "3s"
			ctx, said := listen(t.Context())
			_, err := w.plugin.Create(ctx, want)
			says(t, err, "not ready in time after 3s", "Deployment "+w.namespace+"/r-stuck", why)
			if strings.Contains(err.Error(), "r-fine") {
				t.Errorf("what is ready is named, too: %v", err)
			}
			hints(t, err, "chart.timeout")
			heard := strings.Join(said(), "\n")
			for _, part := range []string{"installing stuck 1.0.0", "1 of 2 workloads ready: waiting for r-stuck", "install failed, removing what is there of it"} {
				if !strings.Contains(heard, part) {
					t.Errorf("nobody said %q, but\n%s", part, heard)
				}
			}
			w.hasNoNamespace()
		})
	}
}

// hasNoNamespace fails the test if the world's namespace is there.
func (w *world) hasNoNamespace() {
	w.t.Helper()
	ns, err := w.client.CoreV1().Namespaces().Get(w.t.Context(), w.namespace, metav1.GetOptions{})
	if err == nil {
		left, _ := w.leftovers(w.t.Context())
		w.t.Errorf("namespace %s is there (%s), with %v", ns.Name, ns.Status.Phase, left)
	}
}

func TestAStuckUpgradeIsRolledBackAndTheOldPodsServe(t *testing.T) {
	t.Parallel()
	w, want, r := settledWorld(t, "stuck", `{}`)
	before := w.pods()
	worse := w.wish(want.Chart.ChartName, `{"stuck": true, "behave": "nopull", "image": "registry.test/stuck:2.0"}`)
	worse.Chart.Timeout = "3s"
	ctx, said := listen(t.Context())
	_, err := w.plugin.Update(ctx, worse, want, r)
	says(t, err, "not ready in time after 3s", "r-stuck", "ImagePullBackOff")
	if heard := strings.Join(said(), "\n"); !strings.Contains(heard, "upgrade failed, rolling back to revision 1") {
		t.Errorf("nobody said that it is rolled back, but\n%s", heard)
	}
	got := w.drifts(want, r) // the revision tells
	if got.State != "deployed" || got.Revision != 3 || got.Workloads[0].Images["main"] != "registry.test/stuck:1.0" {
		t.Errorf("after the rollback there is %+v", got)
	}
	// The Deployment with the new pods that never came has kept its old one all the time.
	after := w.pods()
	for name := range before {
		if strings.HasPrefix(name, "r-stuck-") && !after[name] {
			t.Errorf("pod %s is gone, there are %v", name, after)
		}
	}
	again := w.repaired(want, got)
	w.must(w.plugin.Delete(t.Context(), want, again))
	w.isEmpty()
}

// pods are the names of those that are ready.
func (w *world) pods() map[string]bool {
	w.t.Helper()
	pods, err := w.client.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	w.must(err)
	names := map[string]bool{}
	for i := range pods.Items {
		for _, c := range pods.Items[i].Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				names[pods.Items[i].Name] = true
			}
		}
	}
	return names
}

func TestAFailingHookOfAnInstallSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	full(t)
	for _, hook := range []string{"pre-install", "post-install"} {
		t.Run(hook, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			want := w.wish(chartFolder(t, "failing-hook"), `{"fail": ["`+hook+`"]}`)
			_, err := w.plugin.Create(t.Context(), want)
			says(t, err, hook, "Job "+w.namespace+"/r-"+hook, "exit code")
			w.hasNoNamespace()
		})
	}
}

func TestAFailingHookOfAnUpgradeIsRolledBack(t *testing.T) {
	t.Parallel()
	for _, hook := range []string{"pre-upgrade", "post-upgrade"} {
		t.Run(hook, func(t *testing.T) {
			t.Parallel()
			w, want, r := settledWorld(t, "failing-hook", `{}`)
			worse := w.wish(want.Chart.ChartName, `{"fail": ["`+hook+`"], "greeting": "ahoy"}`)
			_, err := w.plugin.Update(t.Context(), worse, want, r)
			says(t, err, hook, "exit code")
			config, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "r", metav1.GetOptions{})
			w.must(err)
			if config.Data["greeting"] != "hello" {
				t.Errorf("greeting is %q", config.Data["greeting"])
			}
			better := w.wish(want.Chart.ChartName, `{"greeting": "ahoy"}`)
			again, err := w.plugin.Update(t.Context(), better, want, r)
			w.must(err)
			w.readsAs(better, again)
			w.must(w.plugin.Delete(t.Context(), better, again))
			w.isEmpty()
		})
	}
}

func TestALackOfRightsIsNamedAndNothingIsLeft(t *testing.T) {
	t.Parallel()
	full(t)
	all := []string{"*"}
	for name, c := range map[string]struct {
		rules []rbacv1.PolicyRule
		parts []string
	}{
		"no secrets": {
			rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: all, Verbs: all}},
			parts: []string{"history of release", "secrets is forbidden"},
		},
		"no deployments": {
			rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: all, Verbs: all}},
			parts: []string{"deployments.apps", "is forbidden"},
		},
		"no making of deployments": {
			rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: all, Verbs: all},
				{APIGroups: []string{"apps"}, Resources: all, Verbs: []string{"get", "list", "delete"}},
			},
			parts: []string{"deployments.apps is forbidden", "cannot create"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := parts.SharedCluster(t)
			user := strings.ReplaceAll(name, " ", "-")
			w := worldOf(t, cluster, cluster.KubeconfigFor(t, user))
			w.makeNamespace()
			w.grant(user, c.rules)
			want := w.wish(chartFolder(t, "plain"), `{}`)
			_, err := w.plugin.Create(t.Context(), want)
			says(t, err, c.parts...)
			hints(t, err, "lacks a right")
			if _, again := plugins.RetryAfter(err); again {
				t.Errorf("it would be tried again: %v", err)
			}
			if strings.Contains(err.Error(), "could not be cleaned up") {
				t.Errorf("something is left: %v", err)
			}
			administrator := worldOf(t, cluster, cluster.Kubeconfig())
			administrator.namespace = w.namespace
			administrator.isEmptyBut("Role granted", "RoleBinding granted")
		})
	}
}

// grant gives a user rights in the world's namespace.
func (w *world) grant(user string, rules []rbacv1.PolicyRule) {
	w.t.Helper()
	rbac := w.client.RbacV1()
	_, err := rbac.Roles(w.namespace).Create(w.t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "granted"}, Rules: rules}, metav1.CreateOptions{})
	w.must(err)
	_, err = rbac.RoleBindings(w.namespace).Create(w.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "granted"},
		Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "granted"},
	}, metav1.CreateOptions{})
	w.must(err)
}

func (w *world) isEmptyBut(names ...string) {
	w.t.Helper()
	left, err := w.leftovers(w.t.Context())
	w.must(err)
	for _, name := range left {
		if !strings.Contains(strings.Join(names, "\n"), name) {
			w.t.Errorf("there is still %s", name)
		}
	}
}

func TestAQuotaIsNamed(t *testing.T) {
	t.Parallel()
	full(t)
	for name, c := range map[string]struct {
		limit corev1.ResourceName
		hint  string
	}{
		"of pods":    {limit: corev1.ResourcePods},
		"of configs": {limit: corev1.ResourceConfigMaps, hint: "ResourceQuota"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.makeNamespace()
			quota, err := w.client.CoreV1().ResourceQuotas(w.namespace).Create(t.Context(), &corev1.ResourceQuota{
				ObjectMeta: metav1.ObjectMeta{Name: "tight"},
				Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{c.limit: resource.MustParse("0")}},
			}, metav1.CreateOptions{})
			w.must(err)
			w.cluster.Until(t, "the quota is in force", func(ctx context.Context) (bool, error) {
				now, err := w.client.CoreV1().ResourceQuotas(w.namespace).Get(ctx, quota.Name, metav1.GetOptions{})
				return err == nil && len(now.Status.Hard) > 0, err
			})
			want := w.wish(chartFolder(t, "plain"), `{}`)
			want.Chart.Timeout = "3s"
			_, err = w.plugin.Create(t.Context(), want)
			says(t, err, "exceeded quota: tight")
			if c.hint != "" {
				hints(t, err, c.hint)
			}
			w.isEmptyBut("ResourceQuota tight")
		})
	}
}

// cancelled runs a verb and cancels it when it has said something; the verb is to end soon.
func cancelled(t *testing.T, w *world, when string, verb func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	heard := make(chan struct{}, 1)
	ctx = plugins.WithReport(ctx, func(text string) {
		if strings.Contains(text, when) {
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	})
	ended := make(chan error, 1)
	go func() { ended <- verb(ctx) }()
	select {
	case <-heard:
	case err := <-ended:
		t.Fatalf("it ended before it said %q: %v", when, err)
	case <-time.After(time.Minute):
		t.Fatalf("it never said %q", when)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "could not be cleaned up") {
		t.Errorf("it ended with %v", err)
	}
}

func TestACancelledInstallLeavesNothing(t *testing.T) {
	t.Parallel()
	full(t)
	for name, c := range map[string]struct{ chart, values, when string }{
		"while it waits":            {"stuck", `{"stuck": true}`, "1 of 2 workloads ready"},
		"while a pre-install runs":  {"failing-hook", `{"delay": "50s"}`, "waiting for the hook Job"},
		"while a post-install runs": {"failing-hook", `{"delay": "1s"}`, "waiting for the hook Job %s/r-post-install"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			when := strings.ReplaceAll(c.when, "%s", w.namespace)
			cancelled(t, w, when, func(ctx context.Context) error {
				_, err := w.plugin.Create(ctx, w.wish(chartFolder(t, c.chart), c.values))
				return err
			})
			w.hasNoNamespace()
		})
	}
}

func TestACancelledUpgradeLeavesWhatWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ chart, values, when string }{
		"while it waits":     {"stuck", `{"stuck": true, "image": "registry.test/stuck:2.0"}`, "1 of 2 workloads ready"},
		"while a hook waits": {"failing-hook", `{"delay": "50s", "greeting": "ahoy"}`, "waiting for the hook Job"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, want, r := settledWorld(t, c.chart, `{}`)
			cancelled(t, w, c.when, func(ctx context.Context) error {
				_, err := w.plugin.Update(ctx, w.wish(want.Chart.ChartName, c.values), want, r)
				return err
			})
			got := w.drifts(want, r)
			if got.State != "deployed" || got.Workloads[0].Images["main"] != r.Workloads[0].Images["main"] {
				t.Errorf("after a cancelled upgrade there is %+v", got)
			}
			again := w.repaired(want, got)
			w.must(w.plugin.Delete(t.Context(), want, again))
			w.isEmpty()
		})
	}
}

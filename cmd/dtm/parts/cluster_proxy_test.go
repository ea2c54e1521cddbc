package parts

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func TestProxy(t *testing.T) {
	c := SharedCluster(t)
	namespace := space(t, c)
	p := c.Proxy(t)
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	maps := client.CoreV1().ConfigMaps(namespace)
	create := func(name string) error {
		_, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		return err
	}
	is := func(name string) bool {
		t.Helper()
		_, err := c.Client().CoreV1().ConfigMaps(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}

	if err := create("first"); err != nil || !is("first") {
		t.Fatalf("through the proxy: %v", err)
	}
	path := "/api/v1/namespaces/" + namespace + "/configmaps"
	if got, want := p.Requests(), []string{"POST " + path}; !slices.Equal(got, want) {
		t.Errorf("the requests are %q, want %q", got, want)
	}
	p.Reset()
	if got := p.Requests(); len(got) > 0 {
		t.Errorf("after forgetting all there are %q", got)
	}
	for name, tt := range map[string]struct {
		fail  func(n int, after bool) func() bool
		after bool
	}{
		"fail-before": {p.Fail, false},
		"fail-after":  {p.Fail, true},
		"cut-before":  {p.Cut, false},
		"cut-after":   {p.Cut, true},
	} {
		heal := tt.fail(2, tt.after)
		if err := create(name + "-1"); err != nil {
			t.Errorf("%s: the first request: %v", name, err)
		}
		if err := create(name + "-2"); err == nil {
			t.Errorf("%s: the second request did not fail", name)
		}
		if got := is(name + "-2"); got != tt.after {
			t.Errorf("%s: it had an effect: %t", name, got)
		}
		if err := create(name + "-3"); err != nil {
			t.Errorf("%s: the third request: %v", name, err)
		}
		if !heal() {
			t.Errorf("%s: it does not know that it failed", name)
		}
	}
	if heal := p.Fail(1, false); heal() {
		t.Error("a request failed that never came")
	}
	if err := create("healed"); err != nil {
		t.Error(err)
	}

	watch, err := maps.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=seen"})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if err := create("seen"); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-watch.ResultChan():
		if e.Type != "ADDED" {
			t.Errorf("the watch saw %v", e)
		}
	case <-time.After(20 * time.Second):
		t.Error("the watch saw nothing")
	}
}

package configmap

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// Of two that take a state over at once only one does, and what DevStream writes in the meantime is not lost.
func TestAStateIsTakenOverByOne(t *testing.T) {
	cluster := parts.SharedCluster(t)
	where := Where{Kubeconfig: cluster.Kubeconfig(), Namespace: cluster.Namespace(t), Name: "state"}
	env, ctx := plugintest.Env(t.TempDir()), context.Background()
	objects := cluster.Dynamic().Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(where.Namespace)

	if old, err := Read(ctx, env, where); old != nil || err != nil {
		t.Fatalf("there is none, and got %v, %v", old, err)
	}
	namespaces := cluster.Dynamic().Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	if _, err := namespaces.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": where.Namespace},
	}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	made, err := objects.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "state"}, "data": map[string]any{"state": ""},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	read := func() *Old {
		t.Helper()
		old, err := Read(ctx, env, where)
		if err != nil || old == nil {
			t.Fatalf("got %v, %v", old, err)
		}
		return old
	}
	if empty := read(); empty.Text == nil || len(empty.Text) != 0 || empty.TakenBy != "" {
		t.Errorf("got %+v of a state without tools", empty)
	}

	// DevStream writes after it was read.
	early := read()
	made.Object["data"] = map[string]any{"state": "a_b: {}"}
	if _, err := objects.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := early.Mark(ctx, "early"); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "has changed since it was read") {
		t.Errorf("got %v for what has changed", err)
	}

	one, two := read(), read()
	if err := one.Mark(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if err := two.Mark(ctx, "two"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v for the second", err)
	}
	again := read()
	if again.TakenBy != "one" || string(again.Text) != "a_b: {}" {
		t.Errorf("got %+v", again)
	}
	if err := again.Mark(ctx, "one"); err != nil {
		t.Errorf("it goes on: %v", err)
	}
	kept, err := objects.Get(ctx, "state.bak", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if text, _, _ := unstructured.NestedString(kept.Object, "data", "state"); text != "a_b: {}" {
		t.Errorf("the backup has %q", text)
	}
}

package helm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

func TestDifferencesAreTheirPaths(t *testing.T) {
	deployment := func(spec string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: " + spec
	}
	in := func(containers string) string {
		return deployment("{template: {spec: {containers: " + containers + "}}}")
	}
	for _, k := range []struct{ a, b, want string }{
		{deployment("{replicas: 1}"), deployment("{replicas: 1.0}"), ""},
		{deployment("{replicas: 1}"), deployment("{replicas: 3}"), "spec.replicas (1 -> 3)"},
		{deployment("{}"), deployment("{replicas: 3}"), "spec.replicas (none -> 3)"},
		{deployment("{paused: null}"), deployment("{}"), ""},
		{deployment("{template: {metadata: {labels: {a: x}}}}"), deployment("{template: {metadata: {labels: {a: y, b: z}}}}"),
			"spec.template.metadata.labels.a, spec.template.metadata.labels.b"},
		{in("[{name: m, image: a:1}]"), in("[{name: m, image: a:2}]"), "spec.template.spec.containers.m.image (a:1 -> a:2)"},
		{in("[{name: m, image: a:1}]"), in("[{name: m}]"), "spec.template.spec.containers.m.image (a:1 -> none)"},
		{in("[{name: m, image: a:1}]"), in("[{name: m, image: {hidden: x}}]"), "spec.template.spec.containers.m.image (a:1 -> something else)"},
		{in("[{name: m}, {name: k}]"), in("[{name: k}, {name: m}]"), "spec.template.spec.containers"}, // the order is a change
		{in("[{name: m, x: 1}, {name: k}]"), in("[{name: k}, {name: m, x: 2}]"), "spec.template.spec.containers.m.x"},
		{in("[{name: m}]"), in("[{name: m}, {name: k, image: a}]"), "spec.template.spec.containers.k"},
		{in("[{name: m, args: [a, b]}]"), in("[{name: m, args: [b, a]}]"), "spec.template.spec.containers.m.args"},
		{in("[{name: m, ports: [{containerPort: 1}]}]"), in("[{name: m, ports: [{containerPort: 2}]}]"), "spec.template.spec.containers.m.ports"},
		{in("[{name: m, env: [{name: A, value: x}]}]"), in("[{name: m, env: [{name: A, value: y}]}]"), "spec.template.spec.containers.m.env.A.value"},
		{in("[{name: m}, {name: m, x: 1}]"), in("[{name: m}, {name: m, x: 2}]"), "spec.template.spec.containers"}, // not told apart by name
		{"data: {a.b/c: x}", "data: {a.b/c: y}", `data."a.b/c"`},
		{`data: {"a\nb": x, "": y}`, `data: {}`, `data."", data."a\nb"`},
		{`data: {"\e[31m": x}`, `data: {}`, `data."\x1b[31m"`},
		{"a: {b: 1}", "a: 7", "a"},
		{"a: [1]", "a: {b: 1}", "a"},
		{"a: 1", "a: '1'", "a"},
		// Nothing but the images and replicas of workloads tells its value.
		{"data: {image: x, replicas: y}", "data: {image: y}", "data.image, data.replicas"},
		{"image: x", "image: y", "image"},
		{"metadata: {annotations: {image: x}}", "metadata: {annotations: {image: y}}", "metadata.annotations.image"},
		{in("[{name: m, env: []}]"), in("[{name: m, env: [{name: image, value: x}]}]"), "spec.template.spec.containers.m.env.image"},
		{in("[{name: m}]"), in("[{name: image, value: x}, {name: m}]"), "spec.template.spec.containers.image"},
		{`data: {"spec.replicas": x}`, `data: {"spec.replicas": y}`, `data."spec.replicas"`},
		{`"spec.replicas": x`, `"spec.replicas": y`, `"spec.replicas"`},
	} {
		a, b := parsedManifest(t, k.a), parsedManifest(t, k.b)
		var one, other map[string]any
		for _, o := range a {
			one = o.Object
		}
		for _, o := range b {
			other = o.Object
		}
		if got := strings.Join(differences(one, other, ""), ", "); got != k.want {
			t.Errorf("from %s to %s: %s, not %s", k.a, k.b, got, k.want)
		}
	}
}

func TestChangesAreWhatIsMadeThenChangedThenRemoved(t *testing.T) {
	object := func(kind, name, more string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: %s\nmetadata: {name: %s%s}\n", kind, name, more)
	}
	was := object("Secret", "gone", "") + object("ConfigMap", "gone", "") + object("ConfigMap", "same", "") + object("Secret", "other", ", labels: {a: x}") +
		object("ConfigMap", "other", ", labels: {a: x}") + object("PersistentVolumeClaim", "kept", ", annotations: {helm.sh/resource-policy: keep}")
	will := object("ConfigMap", "same", "") + object("Secret", "new", "") + object("Secret", "other", ", labels: {a: y}") +
		object("ConfigMap", "other", ", labels: {a: y}") + object("ConfigMap", "new", "")
	got := changes(parsedManifest(t, was), parsedManifest(t, will))
	fields := []string{"metadata.labels.a"}
	want := []plugins.Part{
		{Action: plugins.PartCreate, Name: "ConfigMap ns/new"},
		{Action: plugins.PartCreate, Name: "Secret ns/new"},
		{Action: plugins.PartUpdate, Name: "ConfigMap ns/other", Fields: fields},
		{Action: plugins.PartUpdate, Name: "Secret ns/other", Fields: fields},
		{Action: plugins.PartDelete, Name: "ConfigMap ns/gone"},
		{Action: plugins.PartDelete, Name: "Secret ns/gone"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, not %v", got, want)
	}
	if got := changes(manifest{}, manifest{}); len(got) > 0 {
		t.Errorf("nothing changes %v", got)
	}
}

// hunt makes random objects of the kinds that hold secrets, whose every value has a mark in it.
type hunt struct{ *rand.Rand }

const quarry = "hunter2"

func (h hunt) name() string {
	all := []string{"image", "replicas", "spec", "containers", "name", "value", "a.b", "data", "template", "initContainers", "env", "m"}
	return all[h.IntN(len(all))]
}

func (h hunt) value(depth int) any {
	switch n := h.IntN(5); {
	case depth == 0 || n == 0:
		return fmt.Sprint(quarry, h.IntN(3))
	case n == 1:
		all := []any{}
		for range h.IntN(3) {
			all = append(all, h.value(depth-1))
		}
		return all
	case n == 2:
		all := []any{}
		for range h.IntN(4) {
			all = append(all, map[string]any{"name": h.name(), "value": h.value(depth - 1), "image": "shown"})
		}
		return all
	default:
		all := map[string]any{}
		for range h.IntN(4) {
			// What is named image or replicas where a workload has them is told, and so is a name: here neither is secret.
			if name := h.name(); name != "name" {
				all[name] = h.value(depth - 1)
			}
		}
		return all
	}
}

func TestNoSecretIsEverInADifference(t *testing.T) {
	h := hunt{rand.New(rand.NewPCG(4, 2))}
	object := func() map[string]any {
		env := []any{}
		for range h.IntN(4) {
			env = append(env, map[string]any{"name": h.name(), "value": fmt.Sprint(quarry, h.IntN(3))})
		}
		container := map[string]any{"name": h.name(), "image": fmt.Sprint("app:", h.IntN(2)), "env": env, "args": h.value(2)}
		return map[string]any{
			"data": h.value(3), "stringData": h.value(3), "metadata": map[string]any{"annotations": h.value(2)},
			"spec": map[string]any{
				"replicas": float64(h.IntN(2)), "other": h.value(3), "template": map[string]any{
					"metadata": h.value(2), "spec": map[string]any{"containers": []any{container}, "volumes": h.value(2)},
				},
			},
		}
	}
	told := 0
	for range 5000 {
		all := differences(object(), object(), "")
		for _, path := range all {
			if strings.Contains(path, quarry) {
				t.Fatalf("a difference tells a value: %s", path)
			}
			if strings.Contains(path, "->") {
				told++
			}
		}
		if !slices.IsSorted(all) {
			t.Fatalf("not sorted: %q", all)
		}
	}
	if told == 0 {
		t.Error("no image and no replicas were told")
	}
}

func TestADefinitionBringsItsVersions(t *testing.T) {
	m := parsedManifest(t, "kind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {group: x.test, names: {kind: Thing}, versions: [{name: v1}, {name: v2}, 7]}")
	for _, o := range m {
		want := []string{"x.test/v1", "x.test/v1/Thing", "x.test/v2", "x.test/v2/Thing"}
		if got := versionsOf(o); !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	}
	for _, o := range parsedManifest(t, "kind: CustomResourceDefinition\nspec: 7") {
		if got := versionsOf(o); len(got) > 0 {
			t.Errorf("%q", got)
		}
	}
}

package helm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func objectsIn(m manifest) string {
	var all []string
	for _, id := range m.sorted() {
		all = append(all, id.String())
	}
	return strings.Join(all, ", ")
}

func parsedManifest(t *testing.T, text string) manifest {
	t.Helper()
	m, err := parse(text, "ns")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAManifestIsItsObjects(t *testing.T) {
	for name, k := range map[string]struct{ text, want string }{
		"nothing":          {"", ""},
		"comments":         {"# a\n---\n# b\n---\n\n---\nnull\n---\n{}\n", ""},
		"a namespace":      {"---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", "Secret ns/a"},
		"another one":      {"apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: other}\n", "Secret other/a"},
		"none":             {"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n", "ClusterRole a"},
		"Windows' lines":   {"---\r\napiVersion: v1\r\nkind: Secret\r\nmetadata: {name: a}\r\n---\r\napiVersion: v1\r\nkind: Secret\r\nmetadata: {name: b}\r\n", "Secret ns/a, Secret ns/b"},
		"dashes in text":   {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  k: |\n    a\n    ---\n    b\n", "ConfigMap ns/a"},
		"twice":            {strings.Repeat("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\n", 2), "Secret ns/a"},
		"two groups":       {"apiVersion: a.test/v1\nkind: X\nmetadata: {name: a}\n---\napiVersion: b.test/v1\nkind: X\nmetadata: {name: a}\n", "X ns/a, X ns/a"},
		"a list":           {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n- apiVersion: v1\n  kind: List\n  items: [{apiVersion: v1, kind: Secret, metadata: {name: b}}]\n", "Secret ns/a, Secret ns/b"},
		"an empty list":    {"apiVersion: v1\nkind: List\nitems: []\n", ""},
		"items of no list": {"apiVersion: x.test/v1\nkind: Menu\nmetadata: {name: a}\nitems: [soup, {kind: fish}]\n", "Menu ns/a"},
		"no name":          {"apiVersion: v1\nkind: Secret\n", "Secret ns/"},
	} {
		if got := objectsIn(parsedManifest(t, k.text)); got != k.want {
			t.Errorf("%s: %q, not %q", name, got, k.want)
		}
	}
}

func TestABrokenManifestIsNotQuoted(t *testing.T) {
	for _, text := range []string{
		"apiVersion: v1\nkind: Secret\nstringData: {password: *hunter2}", "hunter2", "- hunter2", "a: 'hunter2", "a: b: hunter2",
		"apiVersion: v1\nkind: List\nitems: [hunter2]",
	} {
		m, err := parse(text, "ns")
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
}

const pod = `
  template:
    spec:
      initContainers: [{name: wait, image: busybox:1}]
      containers: [{name: main, image: app:2}, {name: side, image: envoy:3}]
`

func TestWorkloadsAreThoseThatHavePods(t *testing.T) {
	var text strings.Builder
	add := func(version, kind, name, spec string) {
		fmt.Fprintf(&text, "---\napiVersion: %s\nkind: %s\nmetadata: {name: %s}\nspec:%s\n", version, kind, name, spec)
	}
	add("apps/v1", "Deployment", "one", "\n  replicas: 1"+pod)
	add("apps/v1", "Deployment", "none", pod)
	add("apps/v1", "Deployment", "scaled", "\n  replicas: 5"+pod)
	add("apps/v1", "Deployment", "keda", "\n  replicas: 5"+pod)
	add("apps/v1", "StatefulSet", "scaled", "\n  replicas: 3\n  updateStrategy: {type: OnDelete}"+pod)
	add("apps/v1", "DaemonSet", "each", "\n  updateStrategy: {type: OnDelete}"+pod)
	add("batch/v1", "Job", "job", pod)
	add("other.test/v1", "Deployment", "foreign", "\n  replicas: many")
	add("autoscaling/v2", "HorizontalPodAutoscaler", "h", "\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}")
	add("keda.sh/v1alpha1", "ScaledObject", "k", "\n  scaleTargetRef: {name: keda}")
	declared, err := parsedManifest(t, text.String()).workloads()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, id := range sortedIdents(declared) {
		w := declared[id]
		replicas := "-"
		if w.replicas != nil {
			replicas = fmt.Sprint(*w.replicas)
		}
		got = append(got, fmt.Sprintf("%s %s %v", id, replicas, w.byHand))
		if want := map[string]string{"wait": "busybox:1", "main": "app:2", "side": "envoy:3"}; !maps.Equal(w.images, want) {
			t.Errorf("%s: %v", id, w.images)
		}
	}
	want := []string{
		"DaemonSet ns/each - true", "Deployment ns/keda - false", "Deployment ns/none - false", "Deployment ns/one 1 false",
		"Deployment ns/scaled - false", "StatefulSet ns/scaled 3 true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}

	for _, spec := range []string{"\n  replicas: many", "\n  replicas: 1.5", " 7", "\n  template: {spec: {containers: 1}}"} {
		text.Reset()
		add("apps/v1", "Deployment", "odd", spec)
		if all, err := parsedManifest(t, text.String()).workloads(); err == nil || !strings.Contains(err.Error(), "Deployment ns/odd") {
			t.Errorf("%q: %v, %v", spec, all, err)
		}
	}
}

func TestURLsAreThoseOfServicesAndIngresses(t *testing.T) {
	service := func(spec string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: " + spec + "\n"
	}
	ingress := func(spec string) string {
		return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: " + spec + "\n"
	}
	for _, k := range []struct{ text, key, want string }{
		{service("{ports: [{port: 80}]}"), "s", "http://s.ns.svc"},
		{service("{ports: [{port: 443}]}"), "s", "https://s.ns.svc"},
		{service("{ports: [{port: 8080}]}"), "s", "http://s.ns.svc:8080"},
		{service("{ports: [{port: 8443}]}"), "s", "https://s.ns.svc:8443"},
		{service("{ports: [{port: 4242}]}"), "s", "tcp://s.ns.svc:4242"},
		{service("{ports: [{port: 53, protocol: UDP}]}"), "s", "udp://s.ns.svc:53"},
		{service("{ports: [{port: 9000, name: web-https}]}"), "s", "https://s.ns.svc:9000"},
		{service("{ports: [{port: 9000, name: x, appProtocol: http}]}"), "s", "http://s.ns.svc:9000"},
		{service("{ports: [{port: 9000, name: http, appProtocol: https}]}"), "s", "https://s.ns.svc:9000"},
		{service("{ports: [{port: 50000, name: agent}, {port: 8081, name: http}]}"), "s", "http://s.ns.svc:8081"},
		{service("{ports: [{port: 80, name: http}, {port: 443, name: https}]}"), "s", "http://s.ns.svc"},
		{service("{ports: [{port: 389, name: ldap-port}, {port: 636, name: ssl-ldap-port}]}"), "s", "ldap://s.ns.svc:389"},
		{service("{ports: [{port: 636, name: ssl-ldap-port}]}"), "s", "ldaps://s.ns.svc:636"},
		{service("{ports: [{port: 3306}]}"), "s", "mysql://s.ns.svc:3306"},
		{service("{type: LoadBalancer, ports: [{port: 80}]}"), "s", "http://s.ns.svc"},
		{service("{clusterIP: None, ports: [{port: 80}]}"), "s", ""},
		{service("{type: ExternalName, externalName: x.test, ports: [{port: 80}]}"), "s", ""},
		{service("{}"), "s", ""},
		{service("{ports: many}"), "s", ""},
		{ingress("{rules: [{host: a.test}]}"), "ingress/i", "http://a.test"},
		{ingress("{tls: [{hosts: [a.test]}], rules: [{host: a.test}]}"), "ingress/i", "https://a.test"},
		{ingress("{tls: [{secretName: x}], rules: [{host: a.test}]}"), "ingress/i", "https://a.test"},
		{ingress("{tls: [{hosts: [b.test]}], rules: [{host: a.test}]}"), "ingress/i", "http://a.test"},
		{ingress("{rules: [{host: a.test, http: {paths: [{path: /}]}}]}"), "ingress/i", "http://a.test"},
		{ingress("{rules: [{host: a.test, http: {paths: [{path: /x}]}}]}"), "ingress/i", "http://a.test/x"},
		{ingress("{rules: [{host: a.test, http: {paths: [{path: '/x(/|$)(.*)'}]}}]}"), "ingress/i", "http://a.test/x"},
		{ingress("{rules: [{host: a.test, http: {paths: [{path: '/*'}]}}]}"), "ingress/i", "http://a.test"},
		{ingress("{rules: [{http: {paths: [{path: /}]}}, {host: '*.test'}, {host: b.test}]}"), "ingress/i", "http://b.test"},
		{ingress("{rules: [{http: {paths: [{path: /}]}}]}"), "ingress/i", ""},
		{ingress("{}"), "ingress/i", ""},
		{"apiVersion: other.test/v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n", "s", ""},
	} {
		urls := parsedManifest(t, k.text).urls()
		if urls == nil || urls[k.key] != k.want || (k.want == "") != (len(urls) == 0) {
			t.Errorf("%s: %v, not %s", k.text, urls, k.want)
		}
	}
}

func TestSecretsAreNamedOnceAndNeverShown(t *testing.T) {
	m := parsedManifest(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {x: hunter2}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"+
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: other}\n---\napiVersion: bitnami.com/v1\nkind: Secret\nmetadata: {name: foreign}\n")
	if got := m.secrets(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
	if got := (manifest{}).secrets(); got == nil || len(got) != 0 {
		t.Errorf("%#v", got)
	}
}

// FuzzParse: whatever a release's manifest is, reading it ends, with an error or without.
func FuzzParse(f *testing.F) {
	f.Add("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 1" + pod)
	f.Add("apiVersion: v1\nkind: List\nitems: [{kind: Service, metadata: {name: [a]}, spec: {ports: [{port: -1}]}}, {}]\n---\n---\n# c\n")
	f.Add("kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: 5\nspec: {tls: [{}], rules: [{host: a, http: {paths: [{path: '('}]}}]}")
	f.Add("kind: HorizontalPodAutoscaler\nspec: {scaleTargetRef: []}\nmetadata: {annotations: [1], namespace: {}}")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parse(text, "ns")
		if err != nil {
			return
		}
		_, _ = m.workloads()
		_, _, _ = m.urls(), m.secrets(), m.sorted()
		if parts := changes(m, m); len(parts) > 0 {
			t.Errorf("a manifest differs from itself: %v", parts)
		}
		again, err := parse(text, "ns")
		if err != nil || len(again) != len(m) {
			t.Errorf("read twice: %d and %d objects, %v", len(m), len(again), err)
		}
		for id, o := range m {
			versionsOf(o)
			if id.kind == "" && id.name == "" && len(o.Object) == 0 {
				t.Error("an object of nothing")
			}
		}
	})
}

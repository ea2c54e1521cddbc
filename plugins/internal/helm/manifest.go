package helm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/releaseutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// object is one thing that a manifest asks for.
type object struct{ *unstructured.Unstructured }

// ident names an object within a release.
type ident struct{ group, kind, namespace, name string }

func (i ident) String() string {
	if i.namespace == "" {
		return i.kind + " " + i.name
	}
	return i.kind + " " + i.namespace + "/" + i.name
}

func (o object) ident() ident {
	return ident{o.GroupVersionKind().Group, o.GetKind(), o.GetNamespace(), o.GetName()}
}

// manifest is what a release asks for, by identity.
type manifest map[ident]object

// parse reads the YAML documents of a release. Things without a namespace of their own get the release's; for those that
// live in none this is one more way to name them.
func parse(text, namespace string) (manifest, error) {
	m := manifest{}
	for name, doc := range releaseutil.SplitManifests(text) {
		content := map[string]any{}
		if err := yaml.Unmarshal([]byte(doc), &content); err != nil {
			// The parser's error may quote a word, and that may be one of a secret.
			return nil, fmt.Errorf("%s of the release's manifest is not a YAML mapping.%s", name, lineOf(err))
		}
		if len(content) == 0 {
			continue
		}
		if err := m.add(&unstructured.Unstructured{Object: content}, namespace); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m manifest) add(u *unstructured.Unstructured, namespace string) error {
	if u.IsList() && strings.HasSuffix(u.GetKind(), "List") {
		return u.EachListItem(func(item runtime.Object) error {
			one, ok := item.(*unstructured.Unstructured)
			if !ok {
				return nil
			}
			return m.add(one, namespace)
		})
	}
	if u.GetNamespace() == "" && !clusterWide(u.GetKind()) {
		u.SetNamespace(namespace)
	}
	o := object{u}
	m[o.ident()] = o
	return nil
}

// clusterWide tells of the kinds that charts have whether they live in no namespace. It is for names on the screen alone.
func clusterWide(kind string) bool {
	switch kind {
	case "Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "StorageClass",
		"PriorityClass", "IngressClass", "APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
		"PodSecurityPolicy", "RuntimeClass", "CSIDriver", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding":
		return true
	}
	return false
}

// sorted are the identities, by kind and name.
func (m manifest) sorted() []ident {
	return slices.SortedFunc(maps.Keys(m), func(a, b ident) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name), cmp.Compare(a.group, b.group))
	})
}

func isWorkload(kind string) bool {
	return kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet"
}

// workload is what is said of a workload, by a manifest or by the cluster.
type workload struct {
	ident
	replicas *int32
	images   map[string]string
	// ready is meaningful for what the cluster says.
	ready bool
	// byHand tells that the pods are replaced when somebody deletes them, so that nothing waits for them.
	byHand bool
}

// workloads are those of the manifest. The number of replicas is left out where an autoscaler is in charge.
func (m manifest) workloads() (map[ident]workload, error) {
	scaled := m.scaled()
	all := map[ident]workload{}
	for id, o := range m {
		if id.group != "apps" || !isWorkload(id.kind) {
			continue
		}
		w, err := o.workload()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		if scaled[id] {
			w.replicas = nil
		}
		all[id] = w
	}
	return all, nil
}

func (m manifest) scaled() map[ident]bool {
	scaled := map[ident]bool{}
	for id, o := range m {
		if id.kind != "HorizontalPodAutoscaler" && id.kind != "ScaledObject" {
			continue
		}
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "kind")
		name, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "name")
		scaled[ident{"apps", cmp.Or(kind, "Deployment"), id.namespace, name}] = true
	}
	return scaled
}

func (o object) workload() (workload, error) {
	convert := runtime.DefaultUnstructuredConverter.FromUnstructured
	switch o.GetKind() {
	case "Deployment":
		var d appsv1.Deployment
		err := convert(o.Object, &d)
		return deployment(&d), err
	case "StatefulSet":
		var s appsv1.StatefulSet
		err := convert(o.Object, &s)
		return statefulSet(&s), err
	}
	var d appsv1.DaemonSet
	err := convert(o.Object, &d)
	return daemonSet(&d), err
}

func deployment(d *appsv1.Deployment) workload {
	return workload{
		ident:    ident{"apps", "Deployment", d.Namespace, d.Name},
		replicas: d.Spec.Replicas, images: images(d.Spec.Template.Spec),
		ready: d.Status.ReadyReplicas >= wanted(d.Spec.Replicas) && d.Status.UpdatedReplicas >= wanted(d.Spec.Replicas) &&
			d.Status.ObservedGeneration >= d.Generation,
	}
}

func statefulSet(s *appsv1.StatefulSet) workload {
	return workload{
		ident:    ident{"apps", "StatefulSet", s.Namespace, s.Name},
		replicas: s.Spec.Replicas, images: images(s.Spec.Template.Spec),
		ready:  s.Status.ReadyReplicas >= wanted(s.Spec.Replicas) && s.Status.ObservedGeneration >= s.Generation,
		byHand: s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType,
	}
}

func daemonSet(d *appsv1.DaemonSet) workload {
	return workload{
		ident:  ident{"apps", "DaemonSet", d.Namespace, d.Name},
		images: images(d.Spec.Template.Spec),
		ready:  d.Status.NumberReady >= d.Status.DesiredNumberScheduled && d.Status.ObservedGeneration >= d.Generation,
		byHand: d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
	}
}

// wanted is how many replicas nil means.
func wanted(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}

func images(pod corev1.PodSpec) map[string]string {
	all := map[string]string{}
	for _, c := range pod.InitContainers {
		all[c.Name] = c.Image
	}
	for _, c := range pod.Containers {
		all[c.Name] = c.Image
	}
	return all
}

// secrets are the names of the release's secrets, sorted.
func (m manifest) secrets() []string {
	names := []string{}
	for id := range m {
		if id.group == "" && id.kind == "Secret" {
			names = append(names, id.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// urls are the addresses of services, as seen from inside the cluster, and of ingresses, by name. Only what the manifest
// says counts: addresses that a load balancer is given later would be others every day.
func (m manifest) urls() map[string]string {
	urls := map[string]string{}
	for _, id := range m.sorted() {
		o := m[id]
		switch {
		case id.kind == "Service" && id.group == "":
			var s corev1.Service
			if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &s) == nil {
				if url := serviceURL(&s); url != "" && urls[id.name] == "" {
					urls[id.name] = url
				}
			}
		case id.kind == "Ingress" && id.group == "networking.k8s.io":
			var i networkingv1.Ingress
			if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &i) == nil {
				if url := ingressURL(&i); url != "" {
					urls["ingress/"+id.name] = url
				}
			}
		}
	}
	return urls
}

func serviceURL(s *corev1.Service) string {
	if s.Spec.Type == corev1.ServiceTypeExternalName || s.Spec.ClusterIP == corev1.ClusterIPNone || len(s.Spec.Ports) == 0 {
		return ""
	}
	best := s.Spec.Ports[0]
	for _, p := range s.Spec.Ports {
		if strings.HasPrefix(schemeOf(best), "http") {
			break
		}
		if strings.HasPrefix(schemeOf(p), "http") {
			best = p
		}
	}
	return address(schemeOf(best), fmt.Sprintf("%s.%s.svc", s.Name, s.Namespace), best.Port)
}

// schemeOf guesses the protocol of a port, which Kubernetes does not know: by what the chart's author has said or named.
func schemeOf(p corev1.ServicePort) string {
	name := p.Name
	if p.AppProtocol != nil {
		name = *p.AppProtocol
	}
	for _, scheme := range []string{"https", "http", "ldaps", "ldap", "redis", "mysql"} {
		if strings.Contains(strings.ReplaceAll(name, "ssl-ldap", "ldaps"), scheme) {
			return scheme
		}
	}
	switch p.Port {
	case 443, 8443:
		return "https"
	case 80, 8080, 3000, 8200, 9090:
		return "http"
	case 389:
		return "ldap"
	case 636:
		return "ldaps"
	case 3306:
		return "mysql"
	case 6379:
		return "redis"
	}
	return strings.ToLower(string(cmp.Or(p.Protocol, corev1.ProtocolTCP)))
}

func address(scheme, host string, port int32) string {
	if scheme == "http" && port == 80 || scheme == "https" && port == 443 {
		return scheme + "://" + host
	}
	return fmt.Sprintf("%s://%s:%d", scheme, host, port)
}

func ingressURL(i *networkingv1.Ingress) string {
	for _, rule := range i.Spec.Rules {
		if rule.Host == "" || strings.Contains(rule.Host, "*") {
			continue
		}
		scheme, path := "http", ""
		for _, tls := range i.Spec.TLS {
			if len(tls.Hosts) == 0 || slices.Contains(tls.Hosts, rule.Host) {
				scheme = "https"
			}
		}
		if rule.HTTP != nil && len(rule.HTTP.Paths) > 0 {
			path = rule.HTTP.Paths[0].Path
		}
		if i := strings.IndexAny(path, "()[]{}*?+|^$\\"); i >= 0 {
			path = path[:i] // the rest is for the controller, which has its own language for it
		}
		return scheme + "://" + rule.Host + strings.TrimSuffix(path, "/")
	}
	return ""
}

package parts

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// getter is how Helm finds the cluster.
type getter struct {
	config    *rest.Config
	namespace string
}

func (g getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.config), nil }

func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	client, err := discovery.NewDiscoveryClientForConfig(g.config)
	if err != nil {
		return nil, err
	}
	return memory.NewMemCacheClient(client), nil
}

func (g getter) ToRESTMapper() (meta.RESTMapper, error) {
	client, err := g.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(client), nil
}

func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return clientcmd.NewDefaultClientConfig(clientcmdapi.Config{},
		&clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: g.namespace}})
}

func helm(t *testing.T, c *Cluster, namespace string) *action.Configuration {
	t.Helper()
	config := new(action.Configuration)
	err := config.Init(getter{c.Config(), namespace}, namespace, "secrets", func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func install(t *testing.T, config *action.Configuration, c *chart.Chart, release, namespace, values string) error {
	t.Helper()
	given := map[string]any{}
	if err := yaml.Unmarshal([]byte(values), &given); err != nil {
		t.Fatal(err)
	}
	act := action.NewInstall(config)
	act.ReleaseName, act.Namespace = release, namespace
	act.Wait, act.Timeout = true, time.Minute
	_, err := act.RunWithContext(t.Context(), c, given)
	return err
}

// Each chart can be installed: as it is, and those that are called as the chart of one of DevStream's samples with the
// names and the values of the sample.
func TestEveryChart(t *testing.T) {
	tests := []struct {
		chart, release, namespace, values string
		wants                             string // workloads, as kind/name
		pending                           bool   // some workload is never ready, and Helm does not mind
	}{
		{chart: "argo-cd", release: "argocd", namespace: "argocd", values: "controller: {service: {port: 8080}}",
			wants: "Deployment/argocd-applicationset-controller Deployment/argocd-dex-server Deployment/argocd-notifications-controller " +
				"Deployment/argocd-redis Deployment/argocd-repo-server Deployment/argocd-server StatefulSet/argocd-application-controller"},
		{chart: "argo-cd", release: "cd", namespace: "elsewhere", values: "{dex: {enabled: false}, notifications: {enabled: false}, applicationSet: {enabled: false}}",
			wants: "Deployment/cd-argocd-redis Deployment/cd-argocd-repo-server Deployment/cd-argocd-server StatefulSet/cd-argocd-application-controller"},
		{chart: "jenkins", release: "dev", namespace: "jenkins",
			values: "{persistence: {storageClass: jenkins-pv}, serviceAccount: {create: false, name: jenkins}}",
			wants:  "StatefulSet/dev-jenkins"},
		{chart: "jenkins", release: "jenkins", namespace: "jenkins-2", wants: "StatefulSet/jenkins"},
		{chart: "kube-prometheus-stack", release: "dev", namespace: "monitoring", values: `namespaceOverride: "monitoring"`,
			wants: "DaemonSet/dev-prometheus-node-exporter Deployment/dev-grafana Deployment/dev-kube-prometheus-stack-operator Deployment/dev-kube-state-metrics"},
		{chart: "vault", release: "vault", namespace: "hashicorp",
			values: "{global: {enabled: true}, server: {affinity: '', ha: {enabled: true, replicas: 3, raft: {enabled: true, setNodeId: true}}, namespaceSelector: {matchLabels: {injection: enabled}}}}",
			wants:  "Deployment/vault-agent-injector StatefulSet/vault", pending: true},
		{chart: "openldap-stack-ha", release: "openldap", namespace: "openldap",
			values: "{replicaCount: 1, service: {type: NodePort}, env: {LDAP_ORGANISATION: DevStream Inc., LDAP_DOMAIN: devstream.io}, persistence: {enabled: false}, " +
				"adminPassword: Not@SecurePassw0rd, configPassword: Not@SecurePassw0rd, ltb-passwd: {enabled: false}, phpldapadmin: {enabled: true, ingress: {enabled: false}}}",
			wants: "Deployment/openldap-phpldapadmin StatefulSet/openldap"},
		{chart: "tekton-pipeline", release: "tekton", namespace: "tekton", values: "serviceaccount: {enabled: true}",
			wants: "Deployment/tekton-pipelines-controller Deployment/tekton-pipelines-webhook"},
		{chart: "devlake", release: "devlake", namespace: "devlake", values: "lake: {encryptionSecret: {secret: " + strings.Repeat("ABCD", 32) + "}}",
			wants: "Deployment/devlake-grafana Deployment/devlake-lake Deployment/devlake-ui StatefulSet/devlake-mysql"},
		{chart: "plain", wants: "Deployment/plain"},
		{chart: "plain-2", wants: "Deployment/plain-2"},
		{chart: "slow", wants: "Deployment/slow-back Deployment/slow-front"},
		{chart: "stuck", wants: "Deployment/stuck-fine Deployment/stuck-stuck"},
		{chart: "failing-hook", wants: "Deployment/failing-hook"},
		{chart: "with-crds"},
		{chart: "with-crds-2"},
	}
	cluster := SharedCluster(t)
	cluster.StorageClass(t, "jenkins-pv")
	untested := map[string]bool{}
	entries, err := charts.ReadDir("charts")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		untested[e.Name()] = true
	}
	one := map[string]*sync.Mutex{} // of each chart at a time: some of what it makes is for the whole cluster
	for _, tt := range tests {
		delete(untested, tt.chart)
		release, namespace := tt.release, tt.namespace
		if release == "" {
			release, namespace = tt.chart, cluster.Namespace(t)
		}
		c, err := loadChart(tt.chart)
		if err != nil {
			t.Fatal(err)
		}
		if one[c.Name()] == nil {
			one[c.Name()] = new(sync.Mutex)
		}
		alone := one[c.Name()]
		t.Run(tt.chart+" as "+release, func(t *testing.T) {
			t.Parallel()
			alone.Lock()
			defer alone.Unlock()
			makeSpace(t, cluster, namespace)
			config := helm(t, cluster, namespace)
			began := time.Now()
			if err := install(t, config, c, release, namespace, tt.values); err != nil {
				t.Fatal(err)
			}
			t.Logf("installed in %s", time.Since(began).Round(10*time.Millisecond))
			if got := workloads(t, cluster, namespace); got != tt.wants {
				t.Errorf("there are %s\nwant      %s", got, tt.wants)
			}
			if ready := unready(t, cluster, namespace) == ""; ready == tt.pending {
				t.Errorf("all workloads are ready: %t", ready)
			}
			if _, err := action.NewUninstall(config).Run(release); err != nil {
				t.Error(err)
			}
			removeCRDs(t, cluster, c)
		})
	}
	for name := range untested {
		t.Errorf("nobody installs %s", name)
	}
}

// Half of what devlake makes is of no use without its secret, and its real chart says so.
func TestDevlakeWantsASecret(t *testing.T) {
	cluster := SharedCluster(t)
	c, err := loadChart("devlake")
	if err != nil {
		t.Fatal(err)
	}
	namespace := cluster.Namespace(t)
	err = install(t, helm(t, cluster, namespace), c, "devlake", namespace, "")
	if err == nil || !strings.Contains(err.Error(), ".Values.lake.encryptionSecret.secret is required") {
		t.Errorf("it was installed without: %v", err)
	}
}

// makeSpace makes a namespace, and in that of Jenkins' sample the service account that the sample takes for granted.
func makeSpace(t *testing.T, c *Cluster, name string) {
	t.Helper()
	spaces := c.Client().CoreV1().Namespaces()
	if _, err := spaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if name != "jenkins" {
		return
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "jenkins"}}
	if _, err := c.Client().CoreV1().ServiceAccounts(name).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// workloads names the workloads of a namespace, sorted.
func workloads(t *testing.T, c *Cluster, namespace string) string {
	t.Helper()
	var all []string
	each(t, c, namespace, func(kind, name string, _ bool) { all = append(all, kind+"/"+name) })
	slices.Sort(all)
	return strings.Join(all, " ")
}

// unready names the workloads of a namespace that are not ready.
func unready(t *testing.T, c *Cluster, namespace string) string {
	t.Helper()
	var all []string
	each(t, c, namespace, func(kind, name string, ready bool) {
		if !ready {
			all = append(all, kind+"/"+name)
		}
	})
	return strings.Join(all, " ")
}

func each(t *testing.T, c *Cluster, namespace string, do func(kind, name string, ready bool)) {
	t.Helper()
	apps := c.Client().AppsV1()
	deployments, err := apps.Deployments(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments.Items {
		do("Deployment", d.Name, d.Status.ReadyReplicas == *d.Spec.Replicas)
	}
	sets, err := apps.StatefulSets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sets.Items {
		do("StatefulSet", s.Name, s.Status.ReadyReplicas == *s.Spec.Replicas)
	}
	daemons, err := apps.DaemonSets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range daemons.Items {
		do("DaemonSet", d.Name, d.Status.NumberReady == d.Status.DesiredNumberScheduled)
	}
}

// removeCRDs deletes the definitions that a chart has brought, as Helm never does.
func removeCRDs(t *testing.T, cluster *Cluster, c *chart.Chart) {
	t.Helper()
	definitions := cluster.Dynamic().Resource(schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, crd := range c.CRDObjects() {
		var head struct{ Metadata struct{ Name string } }
		if err := yaml.Unmarshal(crd.File.Data, &head); err != nil {
			t.Fatal(err)
		}
		if err := definitions.Delete(t.Context(), head.Metadata.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		cluster.Until(t, head.Metadata.Name+" is gone", func(ctx context.Context) (bool, error) {
			_, err := definitions.Get(ctx, head.Metadata.Name, metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
	}
}

package main

import (
	"context"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// chartRepos are the addresses that the plugins have by default. In scripts they are mirrored: a chart of the same name
// and shape comes from the loopback.
var chartRepos = []string{
	"https://argoproj.github.io/argo-helm",
	"https://charts.jenkins.io",
	"https://prometheus-community.github.io/helm-charts",
	"https://helm.releases.hashicorp.com",
	"https://jp-gouin.github.io/helm-openldap",
	"https://steinliber.github.io/tekton-helm-chart",
	"https://cdfoundation.github.io/tekton-helm-chart",
	"https://apache.github.io/incubator-devlake-helm-chart",
}

// The commands of the scripts that need a cluster. None may be negated unless it says so.
var clusterCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// cluster: from now on there is a real control plane, and the repositories that plugins have by default.
	"cluster": func(ts *testscript.TestScript, _ bool, _ []string) {
		c := parts.SharedCluster(tb(ts))
		ts.Setenv("KUBECONFIG", c.Kubeconfig())
		ts.Setenv("HOME", ts.MkAbs(".home"))
		ts.Setenv("XDG_CACHE_HOME", ts.MkAbs(".cache"))
		ts.Setenv("DTM_CHART_MIRRORS", parts.Charts(tb(ts)).Mirror(chartRepos...))
	},
	// nobody: from now on dtm asks as a user who has no rights.
	"nobody": func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Setenv("KUBECONFIG", parts.SharedCluster(tb(ts)).KubeconfigFor(tb(ts), "nobody"))
	},
	// argo NAMESPACE: Argo CD's controller is at work there. The definition of an Application need not be known yet.
	"argo": func(ts *testscript.TestScript, _ bool, args []string) { playArgo(ts, args[0]) },
	// object KIND [NAMESPACE/]NAME: there is such an object, and nobody is deleting it. [!]
	"object": func(ts *testscript.TestScript, neg bool, args []string) {
		found, err := objects(ts, args[0], args[1]).Get(context.Background(), base(args[1]), metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			ts.Check(err)
		}
		if there := err == nil && found.GetDeletionTimestamp() == nil; there == neg {
			ts.Fatalf("%s %s is there: %t", args[0], args[1], there)
		}
	},
	// edit KIND [NAMESPACE/]NAME PATCH: somebody edits an object, by a JSON merge patch.
	"edit": func(ts *testscript.TestScript, _ bool, args []string) {
		_, err := objects(ts, args[0], args[1]).Patch(context.Background(), base(args[1]), types.MergePatchType, []byte(args[2]), metav1.PatchOptions{})
		ts.Check(err)
	},
	// remove KIND [NAMESPACE/]NAME: somebody deletes an object; it is gone then.
	"remove": func(ts *testscript.TestScript, _ bool, args []string) {
		all := objects(ts, args[0], args[1])
		ts.Check(all.Delete(context.Background(), base(args[1]), metav1.DeleteOptions{}))
		parts.SharedCluster(tb(ts)).Until(tb(ts), args[0]+" "+args[1]+" is gone", func(ctx context.Context) (bool, error) {
			_, err := all.Get(ctx, base(args[1]), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, nil
			}
			return false, err
		})
	},
	// class NAME: the cluster makes volumes for claims of this storage class.
	"class": func(ts *testscript.TestScript, _ bool, args []string) {
		parts.SharedCluster(tb(ts)).StorageClass(tb(ts), args[0])
	},
	// make KIND [NAMESPACE/]NAME: somebody makes an object with nothing in it.
	"make": func(ts *testscript.TestScript, _ bool, args []string) {
		k := kinds[args[0]]
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": k.GroupVersion().String(), "kind": args[0], "metadata": map[string]any{"name": base(args[1])},
		}}
		_, err := objects(ts, args[0], args[1]).Create(context.Background(), object, metav1.CreateOptions{})
		ts.Check(err)
	},
}

// kinds are those that scripts name.
var kinds = map[string]schema.GroupVersionResource{
	"Namespace":        {Version: "v1", Resource: "namespaces"},
	"ConfigMap":        {Version: "v1", Resource: "configmaps"},
	"Secret":           {Version: "v1", Resource: "secrets"},
	"Service":          {Version: "v1", Resource: "services"},
	"Pod":              {Version: "v1", Resource: "pods"},
	"ServiceAccount":   {Version: "v1", Resource: "serviceaccounts"},
	"PersistentVolume": {Version: "v1", Resource: "persistentvolumes"},
	"Deployment":       {Group: "apps", Version: "v1", Resource: "deployments"},
	"StatefulSet":      {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"StorageClass":     {Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"},
	"Application":      {Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"},
}

func objects(ts *testscript.TestScript, kind, name string) dynamic.ResourceInterface {
	k, ok := kinds[kind]
	if !ok {
		ts.Fatalf("no kind %s", kind)
	}
	all := parts.SharedCluster(tb(ts)).Dynamic().Resource(k)
	if namespace, _, ok := strings.Cut(name, "/"); ok {
		return all.Namespace(namespace)
	}
	return all
}

func base(name string) string { return name[strings.LastIndex(name, "/")+1:] }

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is one of DevStream's samples for a cluster, as it was shipped, and what it takes for granted.
type sample struct {
	// before are the commands of a script that make what has to be there.
	before []string
	// more is another sample that comes with it.
	more string
	// fill are the placeholders, by turns with what a user puts there.
	fill []string
	// after are the commands that look at what is left.
	after []string
	// end are the commands that take away what before has made for all.
	end []string
}

var clusterSamples = map[string]sample{
	"argocd": {
		before: []string{"argo argocd"},
		more:   "argocdapp",
		fill:   []string{"argocd.ARGOCD_INSTANCE_NAME", "argocd.default", "YOUR_CHART_REPO_URL", "https://github.com/cnych/hello"},
		after:  []string{"! object Application argocd/hello", "! object Namespace argocd"},
	},
	"devlake":         {after: []string{"object Namespace devlake", "object Secret devlake/devlake-encryption"}}, // MySQL's volume stays, and what it can be read with
	"hashicorp-vault": {after: []string{"! object Deployment hashicorp/vault-agent-injector"}},
	"helm-generic": {
		fill:  []string{"HELM_REPO_NAME", "argo", "YOUR_CHART_REPO", "https://argoproj.github.io/argo-helm", "YOUR_CHART_NAMESPACE", "generic", "CHART_NAME", "argo/plain", "RELEASE_NAME", "generic"},
		after: []string{"! object Namespace generic"},
	},
	// Its samples say create_namespace: false, and ask for the storage class that the plugin once made.
	"jenkins":         {before: []string{"make Namespace jenkins", "class jenkins-pv"}, after: []string{"object Namespace jenkins"}, end: []string{"remove StorageClass jenkins-pv", "remove Namespace jenkins"}},
	"kube-prometheus": {before: []string{"make Namespace monitoring"}, after: []string{"object Namespace monitoring"}, end: []string{"remove Namespace monitoring"}},
	"openldap":        {after: []string{"! object Deployment openldap/openldap-phpldapadmin"}},
	"tekton":          {after: []string{"! object Namespace tekton"}},
}

// TestEverySampleForAClusterIsAppliedTwice runs a script for each: the sample as it is, and then the plugin with no option
// at all. The namespaces are those of the samples, so nothing else may run beside it.
func TestEverySampleForAClusterIsAppliedTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("installs sixteen releases")
	}
	dir := t.TempDir()
	for name, s := range clusterSamples {
		text := readSample(t, name)
		if s.more != "" {
			text += strings.TrimPrefix(readSample(t, s.more), "tools:\n")
		}
		text = strings.NewReplacer(s.fill...).Replace(text)
		var script strings.Builder
		fmt.Fprintf(&script, "# The sample of %s is applied, again there is nothing to do, and the same with no option at all.\n\ncluster\n%s\n", name, strings.Join(s.before, "\n"))
		folders := []string{"sample", "plain"}
		if name == "helm-generic" {
			folders = folders[:1] // there is no chart by default
		}
		for _, folder := range folders {
			fmt.Fprintf(&script, "exec dtm apply -y -f %[1]s\nexec dtm apply -y -f %[1]s\nstderr 'There is nothing to do\\.'\nexec dtm verify -f %[1]s\nexec dtm destroy -y -f %[1]s\n%[2]s\n", folder, strings.Join(s.after, "\n"))
		}
		fmt.Fprintln(&script, strings.Join(s.end, "\n"))
		fmt.Fprintf(&script, "\n-- sample/config.yaml --\n%s\n-- plain/config.yaml --\ntools:\n- name: %s\n  instanceID: default\n", text, name)
		if err := os.WriteFile(filepath.Join(dir, "sample_"+name+".txtar"), []byte(script.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runScripts(t, dir)
}

func readSample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "plugins", "all", "testdata", "devstream", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package compat

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/schema"
)

// installed is what of a chart's options says what is installed, and how.
type installed struct {
	Plugin string
	Repo   struct{ Name, URL string }
	Chart  struct {
		Name        string `json:"chart_name"`
		Release     string `json:"release_name"`
		Namespace   string
		Version     string
		Wait        bool
		Timeout     string
		UpgradeCRDs bool   `json:"upgradeCRDs"`
		Values      string `json:"values_yaml"`
	}
	CreateNamespace bool `json:"create_namespace"`
}

// checked is what a tool's options are once they have been checked by the schemas of this dtm.
func checked(t *testing.T, loader *schema.Loader, tool string) installed {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "config.yaml", "config: {state: {backend: local}}\ntools:\n"+tool)
	src, err := Read(t.Context(), "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config, err := loader.Check(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	got := installed{Plugin: config.Tools[0].ID.Plugin()}
	if err := json.Unmarshal(config.Tools[0].Options, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// The table is that of DevStream 0.12, by the beginning of an instance's name. Tekton's chart has moved, which a note says.
func TestHelmInstallerInstallsWhatItInstalledInDevStream(t *testing.T) {
	loader := builtIn(t)
	for _, want := range []struct{ prefix, plugin, repo, url, chart, release string }{
		{"argocd", "argocd", "argo", "https://argoproj.github.io/argo-helm", "argo/argo-cd", "argocd"},
		{"artifactory", "helm-generic", "jfrog", "https://charts.jfrog.io", "jfrog/artifactory", "artifactory"},
		{"devlake", "devlake", "devlake", "https://apache.github.io/incubator-devlake-helm-chart", "devlake/devlake", "devlake"},
		{"harbor", "helm-generic", "harbor", "https://helm.goharbor.io", "harbor/harbor", "harbor"},
		{"jenkins", "jenkins", "jenkins", "https://charts.jenkins.io", "jenkins/jenkins", "jenkins"},
		{"kube-prometheus", "kube-prometheus", "prometheus-community", "https://prometheus-community.github.io/helm-charts", "prometheus-community/kube-prometheus-stack", "prometheus"},
		{"openldap", "openldap", "helm-openldap", "https://jp-gouin.github.io/helm-openldap/", "helm-openldap/openldap-stack-ha", "openldap"},
		{"sonarqube", "helm-generic", "sonarqube", "https://SonarSource.github.io/helm-chart-sonarqube", "sonarqube/sonarqube", "sonarqube"},
		{"tekton", "tekton", "tekton", "https://cdfoundation.github.io/tekton-helm-chart/", "tekton/tekton-pipeline", "tekton"},
		{"vault", "hashicorp-vault", "hashicorp", "https://helm.releases.hashicorp.com", "hashicorp/vault", "vault"},
	} {
		for _, instance := range []string{want.prefix, want.prefix + "-001"} {
			t.Run(instance, func(t *testing.T) {
				got := checked(t, loader, "- {name: helm-installer, instanceID: "+instance+"}\n")
				all := installed{Plugin: want.plugin, CreateNamespace: true}
				all.Repo.Name, all.Repo.URL = want.repo, want.url
				all.Chart.Name, all.Chart.Release, all.Chart.Namespace = want.chart, want.release, want.release
				all.Chart.Wait, all.Chart.Timeout, all.Chart.UpgradeCRDs = true, "10m", true
				if diff := cmp.Diff(all, got); diff != "" {
					t.Errorf("(-DevStream +here)\n%s", diff)
				}
				// What is written wins over all of it, one by one.
				got = checked(t, loader, "- name: helm-installer\n  instanceID: "+instance+"\n  options:\n    repo: {name: r, url: \"https://r.example.com\"}\n"+
					"    chart: {chartName: r/c, version: 1.2.3, releaseName: rel, namespace: ns, wait: false, timeout: 1m, upgradeCRDs: false}\n    valuesYaml: \"a: 1\"\n")
				all.Repo.Name, all.Repo.URL = "r", "https://r.example.com"
				all.Chart.Name, all.Chart.Version, all.Chart.Release, all.Chart.Namespace = "r/c", "1.2.3", "rel", "ns"
				all.Chart.Wait, all.Chart.Timeout, all.Chart.UpgradeCRDs, all.Chart.Values = false, "1m", false, "a: 1"
				if diff := cmp.Diff(all, got); diff != "" {
					t.Errorf("(-written +here)\n%s", diff)
				}
			})
		}
	}
}

func TestAChartMayBeOnThisMachine(t *testing.T) {
	home, elsewhere := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	config := func(path string) string {
		return "config: {}\ntools:\n- {name: helm-installer, instanceID: jenkins, options: {chart: {chartPath: \"" + path + "\"}}}\n"
	}
	t.Chdir(elsewhere)
	write(t, "here.tgz", "")
	write(t, "both.tgz", "")
	write(t, "c/both.tgz", "")
	for path, want := range map[string]string{
		"~/charts/x.tgz":      filepath.Join(home, "charts/x.tgz"),
		"~":                   home,
		"~x.tgz":              "./~x.tgz",
		"/opt/x.tgz":          "/opt/x.tgz",
		"charts/x.tgz":        "./charts/x.tgz",
		"./x.tgz":             "./x.tgz",
		"../x.tgz":            "../x.tgz",
		"both.tgz":            "./both.tgz",
		"here.tgz":            filepath.Join(elsewhere, "here.tgz"),
		"${{ env.CHART }}.gz": "${{ env.CHART }}.gz",
	} {
		write(t, "c/config.yaml", config(path))
		src, err := Read(t.Context(), "c/config.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if got := text(get(src.Tools[0].Options, "chart"), "chart_name"); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	t.Setenv("HOME", "")
	write(t, "c/config.yaml", config("~/x.tgz"))
	if _, err := Read(t.Context(), "c/config.yaml"); err == nil || !strings.Contains(err.Error(), "tools.helm-installer.jenkins.options.chart.chartPath: `~` is nowhere") ||
		!strings.HasSuffix(err.Error(), "c/config.yaml:3:76") {
		t.Errorf("got %v", err)
	}
}

func TestValuesYamlMayNameAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "c/values.yaml", "a: ${{ x }}\nb: \"[[ y ]]\"\n")
	write(t, "v/here.yaml", "c: 1\n")
	write(t, "c/bad.yaml", "\xff\n")
	config := func(values string) string {
		return "config: {}\nvars: {n: values}\ntools:\n- {name: helm-installer, instanceID: vault, options: {valuesYaml: " + values + "}}\n"
	}
	for values, want := range map[string]string{
		"values.yaml":                  "a: ${{ x }}\nb: \"[[ y ]]\"\n",
		"\"[[ n ]].yaml\"":             "a: ${{ x }}\nb: \"[[ y ]]\"\n",
		"v/here.yaml":                  "c: 1\n",
		"\"a: 1\"":                     "a: 1",
		"\"a:\\n- 1\\n\"":              "a:\n- 1\n",
		"\"{}\"":                       "{}",
		"\"${{ env.VALUES }}\"":        "",
		"\"${{ t.i.outputs.value }}\"": "",
	} {
		write(t, "c/config.yaml", config(values))
		src, err := Read(t.Context(), "c/config.yaml")
		if err != nil {
			t.Fatal(err)
		}
		got := text(get(src.Tools[0].Options, "chart"), "values_yaml")
		parts, err := schema.SplitReferences(got)
		if err != nil || len(parts) != 1 || parts[0].Text != want {
			t.Errorf("%s: got %q (%v)", values, got, err)
		}
		if diff := cmp.Diff([]string{"c/config.yaml"}, src.Files); diff != "" {
			t.Errorf("the files of the configuration are those of YAML in it (-want +got)\n%s", diff)
		}
	}
	for values, want := range map[string]string{
		"none.yaml": "none.yaml: file does not exist",
		"bad.yaml":  "bad.yaml: is not UTF-8 text",
		"..":        ".: is a folder, not a YAML file",
	} {
		write(t, "c/config.yaml", config(values))
		_, err := Read(t.Context(), "c/config.yaml")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "tools.helm-installer.vault.options.valuesYaml: ") ||
			!strings.HasSuffix(err.Error(), "c/config.yaml:4:67") {
			t.Errorf("%s: got %v", values, err)
		}
	}
	// A folder of 0.10 and later is the folder of all its files.
	write(t, "f/sub/tools.yaml", config("values.yaml"))
	write(t, "f/values.yaml.txt", "d: 1\n")
	write(t, "f/sub/tools.yaml", config("values.yaml.txt"))
	src, err := Read(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	if got := text(get(src.Tools[0].Options, "chart"), "values_yaml"); got != "d: 1\n" {
		t.Errorf("got %q", got)
	}
}

package compat

import (
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// preset is what helm-installer filled in by the beginning of an instance's name: the plugin here that installs the same,
// and what it calls the release where that is not its own default.
type preset struct {
	prefix, plugin string
	// repo, url and chart are given where there is no plugin of its own.
	repo, url, chart   string
	release, namespace string
}

func presets() []preset {
	return []preset{
		{prefix: "argocd", plugin: "argocd", release: "argocd", namespace: "argocd"},
		{prefix: "artifactory", plugin: "helm-generic", repo: "jfrog", url: "https://charts.jfrog.io", chart: "jfrog/artifactory", release: "artifactory", namespace: "artifactory"},
		{prefix: "devlake", plugin: "devlake", release: "devlake", namespace: "devlake"},
		{prefix: "harbor", plugin: "helm-generic", repo: "harbor", url: "https://helm.goharbor.io", chart: "harbor/harbor", release: "harbor", namespace: "harbor"},
		{prefix: "jenkins", plugin: "jenkins", release: "jenkins", namespace: "jenkins"},
		{prefix: "kube-prometheus", plugin: "kube-prometheus", release: "prometheus", namespace: "prometheus"},
		{prefix: "openldap", plugin: "openldap", release: "openldap", namespace: "openldap"},
		{prefix: "sonarqube", plugin: "helm-generic", repo: "sonarqube", url: "https://SonarSource.github.io/helm-chart-sonarqube", chart: "sonarqube/sonarqube", release: "sonarqube", namespace: "sonarqube"},
		{prefix: "tekton", plugin: "tekton", release: "tekton", namespace: "tekton"},
		{prefix: "vault", plugin: "hashicorp-vault", release: "vault", namespace: "vault"},
	}
}

// installer gives a helm-installer the plugin that its instance's name begins with, or helm-generic.
func (n *renamed) installer() []schema.SourceTool {
	found := preset{plugin: "helm-generic"}
	for _, p := range presets() {
		if strings.HasPrefix(n.tool.Instance.Text, p.prefix) && len(p.prefix) > len(found.prefix) {
			found = p
		}
	}
	n.chart()
	if found.prefix == "" {
		if text(get(n.out, "chart"), "chart_name") == "" {
			n.errs.Add(n.tool.Pos, n.path+".chart.chartName", "is missing: no chart of helm-installer is called as this instance begins", "name a chart, as in `chart: {chartName: REPO/CHART}`")
		}
		return []schema.SourceTool{n.as(found.plugin)}
	}
	for _, given := range []struct{ path, text string }{
		{"repo.name", found.repo}, {"repo.url", found.url}, {"chart.chart_name", found.chart},
		{"chart.release_name", found.release}, {"chart.namespace", found.namespace}, {"chart.timeout", "10m"},
	} {
		top, field, _ := strings.Cut(given.path, ".")
		if text(get(n.out, top), field) == "" {
			n.fixed(given.path, given.text)
		}
	}
	if !has(get(n.out, "chart"), "upgradeCRDs") {
		n.set(schema.Value{Kind: schema.Bool, Text: "true", Pos: n.tool.Pos}, "chart", "upgradeCRDs")
	}
	return []schema.SourceTool{n.as(found.plugin)}
}

// helm gives a plugin of its own, which 0.8 to 0.10 had with other spellings of its options, those of here.
func (n *renamed) helm(plugin string) []schema.SourceTool {
	chart := get(n.rest, "chart")
	if !has(n.rest, "valuesYaml") && !has(chart, "chartName") && !has(chart, "chartPath") && !has(chart, "releaseName") && !has(chart, "valuesYaml") {
		return []schema.SourceTool{n.tool}
	}
	n.chart()
	n.out = merge(n.rest, n.out)
	n.rest.Fields = nil
	return []schema.SourceTool{n.as(plugin)}
}

// chart reads repo, chart and valuesYaml. Namespaces are made where they are missing, as always.
func (n *renamed) chart() {
	n.move(n.take("repo"), n.path+".repo", map[string]string{"name": "repo.name", "url": "repo.url"})
	chart := n.take("chart")
	n.move(chart, n.path+".chart", map[string]string{
		"chartName": "chart.chart_name", "chart_name": "chart.chart_name", "version": "chart.version",
		"releaseName": "chart.release_name", "release_name": "chart.release_name", "namespace": "chart.namespace",
		"wait": "chart.wait", "timeout": "chart.timeout", "upgradeCRDs": "chart.upgradeCRDs", "values": "chart.values",
		"valuesYaml": "", "chartPath": "", "values_yaml": "chart.values_yaml", "create_namespace": "",
	})
	if path := get(chart, "chartPath"); !isEmpty(path) {
		file := path.Text
		if !strings.HasPrefix(file, "/") && !strings.HasPrefix(file, ".") && !strings.HasPrefix(file, "~") {
			file = "./" + file
		}
		n.set(stringAt(file, path.Pos), "chart", "chart_name")
		if strings.HasPrefix(file, "~") {
			n.errs.Add(path.Pos, n.path+".chart.chartPath", "`~` is not filled in here", "write the path from `/`, or from the folder of the configuration with `./`")
		}
	}
	values, inner := n.take("valuesYaml"), get(chart, "valuesYaml")
	if isEmpty(values) {
		values = inner
	}
	if isEmpty(values) {
		return
	}
	// DevStream took a text without `: ` for the name of a file.
	if values.Kind == schema.String && !strings.Contains(values.Text, ": ") && !strings.Contains(values.Text, ":\n") {
		n.errs.Add(values.Pos, n.path+".valuesYaml", "the name of a file, which is not read here", "write the values themselves, below `valuesYaml: |`")
		return
	}
	n.set(values, "chart", "values_yaml")
}

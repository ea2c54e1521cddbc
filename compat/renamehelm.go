package compat

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

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
	if found.plugin == "tekton" && text(get(n.out, "repo"), "url") == "" {
		n.note(n.tool.Instance.Pos, n.path+".repo.url",
			"the chart comes from where it has moved to, https://cdfoundation.github.io/tekton-helm-chart/; DevStream's, https://steinliber.github.io/tekton-helm-chart/, needs a Kubernetes before 1.25")
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
	if v := n.take("create_namespace"); !isEmpty(v) {
		n.set(v, "create_namespace")
	}
	n.move(n.take("repo"), n.path+".repo", map[string]string{"name": "repo.name", "url": "repo.url"})
	chart := n.take("chart")
	n.move(chart, n.path+".chart", map[string]string{
		"chartName": "chart.chart_name", "chart_name": "chart.chart_name", "version": "chart.version",
		"releaseName": "chart.release_name", "release_name": "chart.release_name", "namespace": "chart.namespace",
		"wait": "chart.wait", "timeout": "chart.timeout", "upgradeCRDs": "chart.upgradeCRDs", "values": "chart.values",
		"values_yaml": "chart.values_yaml", "valuesYaml": "", "chartPath": "", "create_namespace": "",
	})
	n.idleIn(chart, n.path+".chart", "create_namespace", "without effect, as in DevStream: the namespace is made where it is missing; `create_namespace` beside `chart` turns that off")
	if path := get(chart, "chartPath"); !isEmpty(path) {
		n.idleIn(chart, n.path+".chart", "chartName", "without effect, as in DevStream: the chart is the one of `chartPath`")
		if t, ok := n.text(path, n.path+".chart.chartPath"); ok {
			n.set(stringAt(n.chartPath(t), path.Pos), "chart", "chart_name")
		}
	}
	n.valuesYaml(chart)
}

// valuesYaml reads the values: as text, as a map, or as the name of a file that has them.
func (n *renamed) valuesYaml(chart schema.Value) {
	values, path := n.take("valuesYaml"), n.path+".valuesYaml"
	if isEmpty(values) {
		values, path = get(chart, "valuesYaml"), n.path+".chart.valuesYaml"
	} else {
		n.idleIn(chart, n.path+".chart", "valuesYaml", "without effect: the values are those of `valuesYaml` beside `chart`")
	}
	switch {
	case isEmpty(values):
	case values.Kind == schema.Map:
		n.set(values, "chart", "values")
	case values.Kind == schema.String && isFileName(values.Text):
		n.set(n.valuesFile(values, path), "chart", "values_yaml")
	default:
		n.set(values, "chart", "values_yaml")
	}
}

// isFileName tells whether valuesYaml is the name of a file. DevStream took every text without `: ` for one.
func isFileName(text string) bool {
	return !strings.Contains(text, ": ") && !strings.Contains(strings.TrimSpace(text), "\n") && !strings.HasSuffix(strings.TrimSpace(text), ":") &&
		!strings.HasPrefix(text, "{") && !strings.Contains(text, "${{")
}

// chartPath is the path of a chart on this machine as the plugins here want it.
func (n *renamed) chartPath(path schema.Text) string {
	file := n.beside(path, n.path+".chart.chartPath")
	if !filepath.IsAbs(file) && !strings.HasPrefix(file, ".") && !strings.HasPrefix(file, "${{") {
		file = "./" + file
	}
	return file
}

// valuesFile reads the values of a chart from a file. What looks like a reference in it is none: DevStream gave the file to
// Helm as it was.
func (n *renamed) valuesFile(name schema.Value, path string) schema.Value {
	if n.open == nil {
		return name
	}
	file := n.beside(schema.Text{Text: strings.TrimSpace(name.Text), Pos: name.Pos}, path)
	if !filepath.IsAbs(file) {
		file = filepath.Join(n.folder(), file)
	}
	data, err := n.open(file)
	if err == nil && !utf8.Valid(data) {
		err = errors.New("is not UTF-8 text")
	}
	if err != nil {
		if name.From != nil {
			file = shown(schema.Text{From: name.From})
		}
		n.errs.Add(name.Pos, path, fmt.Sprintf("%s: %v: a text without `: ` is the name of a file, as in DevStream", file, err),
			"write values as `key: value`, below `valuesYaml: |`")
		return schema.Value{Pos: name.Pos}
	}
	if !n.count(name.Pos, path, len(data)) {
		return schema.Value{Pos: name.Pos}
	}
	return stringAt(schema.EscapeReferences(string(data)), n.tool.Pos)
}

// beside is where a file is that an option names: relative to the folder of the configuration, or in the current one if it is
// only there. `~/` is the user's own folder.
func (n *renamed) beside(name schema.Text, path string) string {
	file := name.Text
	if rest, ok := strings.CutPrefix(file, "~"); ok && (rest == "" || rest[0] == '/') {
		home, err := os.UserHomeDir()
		if err != nil {
			n.errs.Add(name.Pos, path, "`~` is nowhere: "+err.Error(), "write the path from `/`, or from the folder of the configuration with `./`")
			return file
		}
		return filepath.Join(home, rest)
	}
	if filepath.IsAbs(file) || n.exists == nil || n.exists(filepath.Join(n.folder(), file)) || !n.exists(file) {
		return file
	}
	if here, err := filepath.Abs(file); err == nil {
		return here
	}
	return file
}

// folder is the folder of the configuration.
func (r *reader) folder() string {
	if len(r.files) > 0 && r.files[0] != r.path {
		return r.path
	}
	return filepath.Dir(r.path)
}

package all

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

// charts are the plugins that install a Helm chart.
var charts = []string{"argocd", "devlake", "hashicorp-vault", "helm-generic", "jenkins", "kube-prometheus", "openldap", "tekton"}

func newLoader(t *testing.T) *schema.Loader {
	t.Helper()
	var list []schema.PluginSchema
	for name, kind := range newSet(t) {
		list = append(list, schema.PluginSchema{Name: name, CUE: kind.Schema, Shared: kind.Shared})
	}
	l, err := schema.NewLoader(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(); err != nil {
		t.Fatal(err)
	}
	return l
}

// load checks a toolchain in CUE, or in YAML if the name of the file says so.
func load(t *testing.T, l *schema.Loader, file, text string) (*schema.Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) == ".cue" {
		return l.Load(t.Context(), file, nil)
	}
	return check(t.Context(), l, file)
}

func check(ctx context.Context, l *schema.Loader, file string) (*schema.Config, error) {
	src, err := compat.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	return l.Check(ctx, src)
}

const head = "package toolchain\n\nimport \"devstream.io/dtm/schema\"\n\nschema.#Toolchain\n\n"

func TestEveryFieldOfEveryPluginHasAComment(t *testing.T) {
	l := newLoader(t)
	var walk func(where string, fields []schema.FieldDefinition)
	walk = func(where string, fields []schema.FieldDefinition) {
		for _, f := range fields {
			if f.Name != "*" && f.Name != "[]" && f.Doc == "" {
				t.Errorf("%s.%s has no comment", where, f.Name)
			}
			walk(where+"."+f.Name, f.Fields)
		}
	}
	for _, name := range l.Plugins() {
		def := l.Definition(name)
		walk(name+".options", def.Options)
		walk(name+".outputs", def.Outputs)
	}
}

func TestChartPluginsNeedNoOptions(t *testing.T) {
	l := newLoader(t)
	for _, name := range charts {
		options := ""
		if name == "helm-generic" {
			options = "options: chart: chart_name: \"./chart\""
		}
		config, err := load(t, l, "a.cue", head+"tools: \""+name+"\": default: {"+options+"}\n")
		if err != nil {
			t.Error(err)
			continue
		}
		var o struct {
			CreateNamespace bool `json:"create_namespace"`
			Chart           struct {
				Namespace, Timeout string
				Wait, UpgradeCRDs  bool
				Values             map[string]any
			}
		}
		if err := json.Unmarshal(config.Tools[0].Options, &o); err != nil {
			t.Fatal(err)
		}
		if !o.CreateNamespace || o.Chart.Namespace == "" || o.Chart.Timeout != "5m" || !o.Chart.Wait || o.Chart.UpgradeCRDs || o.Chart.Values == nil {
			t.Errorf("%s: %s", name, config.Tools[0].Options)
		}
	}
	_, err := load(t, l, "a.cue", head+"tools: \"helm-generic\": default: {}\n")
	if err == nil || !strings.Contains(err.Error(), "tools.helm-generic.default.options.chart.chart_name: field is required") {
		t.Error(err)
	}
}

// Of a shared definition everything must be found as if the plugin had written it itself.
func TestMistakesInChartOptionsAreFoundWhereTheyAre(t *testing.T) {
	l := newLoader(t)
	for _, m := range []struct{ cue, yaml, want string }{
		{"create_namespac: true", "create_namespac: true", ".options.create_namespac: field not allowed; expected one of create_namespace, repo, chart, "},
		{"repo: urll: \"x\"", "repo: {urll: x}", ".options.repo.urll: field not allowed; expected one of name, url, username, password, ca_file (did you mean `url`?)"},
		{"chart: upgradeCRD: true", "chart: {upgradeCRD: true}", "upgradeCRD: field not allowed; expected one of chart_name, version, release_name, namespace, wait, timeout, upgradeCRDs, values_yaml, values (did you mean `upgradeCRDs`?)"},
		{"chart: timeout: \"5\"", "chart: {timeout: \"5\"}", `.options.chart.timeout: invalid value "5"; expected *"5m" | a duration as in "90s" or "5m", longer than nothing`},
		{"chart: timeout: \"0s\"", "chart: {timeout: 0s}", `.options.chart.timeout: invalid value "0s"; expected`},
		{"chart: namespace: \"My_Space\"", "chart: {namespace: My_Space}", `.options.chart.namespace: invalid value "My_Space"; expected`},
		{"chart: release_name: \"" + strings.Repeat("a", 54) + "\"", "chart: {release_name: " + strings.Repeat("a", 54) + "}", ".options.chart.release_name: invalid value"},
		{"chart: wait: \"yes\"", "chart: {wait: \"yes\"}", ".options.chart.wait: invalid value \"yes\"; expected *true | bool"},
		{"repo: password: 123456", "repo: {password: 123456}", ".options.repo.password: invalid value (secret): expected *\"\" | string"},
	} {
		for _, name := range charts {
			for file, text := range map[string]string{
				"a.cue":  head + "tools: \"" + name + "\": default: options: chart: chart_name: \"./x\"\ntools: \"" + name + "\": default: options: " + m.cue + "\n",
				"a.yaml": "tools:\n- name: " + name + "\n  instanceID: default\n  options:\n    " + strings.Replace(m.yaml, "chart: {", "chart: {chart_name: ./x, ", 1) + "\n",
			} {
				if file == "a.yaml" && name == "helm-generic" && !strings.HasPrefix(m.yaml, "chart: {") {
					text += "    chart: {chart_name: ./x}\n"
				}
				_, err := load(t, l, file, text)
				line := ":8:"
				if file == "a.yaml" {
					line = ":5:"
				}
				if err == nil || !strings.Contains(err.Error(), m.want) || !strings.Contains(err.Error(), file+line) || strings.Contains(err.Error(), "123456") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s in %s: %v", m.cue, file, err)
				}
			}
		}
	}
}

func TestWhatChartsTakeIsTheirOwnBusiness(t *testing.T) {
	l := newLoader(t)
	for _, name := range charts {
		config, err := load(t, l, "a.cue", head+"tools: \""+name+"\": default: options: chart: {\n\tchart_name: \"./x\"\n"+
			"\tnamespace: \"${{ localfile.a.outputs.sha256 }}\"\n\tvalues: {a: b: [{c: null}, 1.5], \"x-y\": \"${{ env.P }}\"}\n}\n"+
			"tools: localfile: a: options: filename: \"a\"\n")
		if err != nil {
			t.Error(err)
			continue
		}
		i := slices.IndexFunc(config.Tools, func(tool schema.Tool) bool { return tool.ID.Plugin() == name })
		if tool := config.Tools[i]; !strings.Contains(string(tool.Options), `"values":{"a":{"b":[{"c":null},1.5]},"x-y":"${{ env.P }}"}`) || len(tool.References) != 2 {
			t.Errorf("%s: %s", name, tool.Options)
		}
	}
}

func TestSecretsAndWhatMakesAToolAnewAreKnown(t *testing.T) {
	l := newLoader(t)
	for _, name := range charts {
		for path, want := range map[string]string{
			"repo.password": "secret", "chart.values_yaml": "secret", "chart.values": "", "chart.version": "",
			"chart.release_name": "replace", "chart.namespace": "replace", "context": "replace", "kubeconfig": "",
		} {
			f := schema.Find(l.Definition(name).Options, strings.Split(path, "."))
			if f == nil || f.Secret != (want == "secret") || f.Replace != (want == "replace") {
				t.Errorf("%s: %s is %+v", name, path, f)
			}
		}
	}
}

// A sample of DevStream 0.7 is valid as it is. That of helm-generic is all placeholders, and those are named.
func TestSamplesOfDevStreamAreTaken(t *testing.T) {
	l := newLoader(t)
	for _, name := range charts {
		_, err := check(t.Context(), l, "testdata/devstream/"+name+".yaml")
		if name != "helm-generic" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || strings.Count(err.Error(), "\n") != 1 {
			t.Error(err)
			continue
		}
		for _, want := range []string{`chart.release_name: invalid value "RELEASE_NAME"`, `chart.namespace: invalid value "YOUR_CHART_NAMESPACE"`, "helm-generic.yaml:24:"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nhas no %s", err, want)
			}
		}
	}
}

// What `dtm show config` prints is DevStream's sample but for what did not work there, or was no good idea.
func TestOurSamplesAreThoseOfDevStream(t *testing.T) {
	l := newLoader(t)
	options := func(config *schema.Config, err error) map[string]any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var o map[string]any
		if err := json.Unmarshal(config.Tools[0].Options, &o); err != nil {
			t.Fatal(err)
		}
		chart := o["chart"].(map[string]any)
		var values map[string]any
		if err := yaml.Unmarshal([]byte(chart["values_yaml"].(string)), &values); err != nil {
			t.Fatal(err)
		}
		chart["values_yaml"] = values
		return o
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range charts {
		if name == "helm-generic" {
			continue // placeholders
		}
		was := options(check(t.Context(), l, filepath.Join(root, "testdata/devstream", name+".yaml")))
		chart := was["chart"].(map[string]any)
		values, _ := chart["values_yaml"].(map[string]any)
		switch name {
		case "jenkins":
			// Nobody makes the volume, the account and the namespace that it asks for.
			was["create_namespace"], chart["values_yaml"] = true, map[string]any(nil)
		case "kube-prometheus":
			was["create_namespace"] = true // nobody makes it
		case "openldap":
			// Passwords in clear.
			chart["values"] = map[string]any{"adminPassword": "${{ env.LDAP_ADMIN_PASSWORD }}", "configPassword": "${{ env.LDAP_CONFIG_PASSWORD }}"}
			delete(values, "adminPassword")
			delete(values, "configPassword")
		case "tekton":
			// Its chart is of 2021 and cannot be installed on Kubernetes 1.25 or newer.
			was["repo"].(map[string]any)["url"] = "https://cdfoundation.github.io/tekton-helm-chart/"
		case "hashicorp-vault":
			delete(values["server"].(map[string]any), "namespaceSelector") // the chart has none there
		}
		for _, file := range []string{"a.cue", "a.yaml"} {
			var b strings.Builder
			write := l.SampleCUE
			if file == "a.yaml" {
				write = l.SampleYAML
			}
			if err := write(&b, []string{name}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(was, options(load(t, l, file, b.String()))); diff != "" {
				t.Errorf("%s in %s: -DevStream +dtm\n%s", name, file, diff)
			}
		}
	}
}

// Every plugin's README has the same tools in CUE and in YAML.
func TestExamplesInReadmesAreValidAndTheSameInBothLanguages(t *testing.T) {
	l := newLoader(t)
	for _, name := range charts {
		text, err := os.ReadFile(filepath.Join("..", name, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		var tools [2][]string
		for i, language := range []string{"cue", "yaml"} {
			_, block, ok := strings.Cut(string(text), "```"+language+"\n")
			block, _, closed := strings.Cut(block, "```")
			if !ok || !closed {
				t.Errorf("%s has no example in %s", name, language)
				continue
			}
			wd, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			config, err := load(t, l, "a."+language, block)
			t.Chdir(wd)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, tool := range config.Tools {
				tools[i] = append(tools[i], string(tool.ID)+" "+string(tool.Options))
			}
			slices.Sort(tools[i])
		}
		if diff := cmp.Diff(tools[0], tools[1]); diff != "" {
			t.Errorf("%s: -cue +yaml\n%s", name, diff)
		}
	}
}

func TestReadmesNameEveryFieldOfSharedSchemas(t *testing.T) {
	l := newLoader(t)
	for _, name := range charts {
		text, err := os.ReadFile(filepath.Join("..", name, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		var walk func(fields []schema.FieldDefinition)
		walk = func(fields []schema.FieldDefinition) {
			for _, f := range fields {
				if f.Name == "*" || f.Name == "[]" {
					continue
				}
				if !strings.Contains(string(text), "`"+f.Name+"`") {
					t.Errorf("%s: README.md does not name %s", name, f.Name)
				}
				if def, ok := strings.CutPrefix(f.Type, "*"); ok {
					def, _, _ = strings.Cut(def, " |")
					if !strings.Contains(string(text), "`"+f.Name+"` | ") || !strings.Contains(string(text), "`"+def+"`") {
						t.Errorf("%s: README.md does not say that %s is %s by default", name, f.Name, def)
					}
				}
				walk(f.Fields)
			}
		}
		walk(l.Definition(name).Options)
		walk(l.Definition(name).Outputs)
	}
}

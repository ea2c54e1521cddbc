package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/all"
	"github.com/devstream-io/dtm/store"
)

// leftBy07 are DevStream's samples for every plugin of 0.7, with the resource that it recorded of each (plugins.md).
var leftBy07 = map[string]string{
	"argocd":                         `{workflows: "deployments:\n  - name: argocd-server\n    ready: true\n"}`,
	"argocdapp":                      `{app: {name: hello, namespace: argocd}, src: {repoURL: "https://github.com/cnych/hello", path: charts/go-hello-http, valueFile: values.yaml}, dest: {server: "https://kubernetes.default.svc", namespace: default}}`,
	"devlake":                        `{deployments: {mysql: true, grafana: true, config-ui: true, devlake: true}, services: {mysql: true, grafana: true, config-ui: true, devlake: true}}`,
	"github-repo-scaffolding-golang": `{owner: cnych, org: acme, repoName: hello, outputs: {owner: cnych, org: acme, repo: hello, repoURL: "https://github.com/cnych/hello.git"}}`,
	"githubactions-golang":           `{workflowDir: /repos/cnych/hello/contents/.github/workflows}`,
	"githubactions-nodejs":           `{workflowDir: /repos/cnych/hello/contents/.github/workflows}`,
	"githubactions-python":           `{workflowDir: /repos/cnych/hello/contents/.github/workflows}`,
	"gitlab-ce-docker":               `{containerRunning: true, volumes: "/srv/gitlab/config,/srv/gitlab/data,/srv/gitlab/logs", hostname: gitlab.devstream.io, SSHPort: "22", HTTPPort: "80", HTTPSPort: "443"}`,
	"gitlab-repo-scaffolding-golang": `{owner: cnych, org: acme, repoName: hello, outputs: {owner: cnych, org: acme, repo: hello, repoURL: "https://gitlab.com/acme/hello.git"}}`,
	"gitlabci-generic":               `{pathWithNamespace: cnych/hello, branch: main, templateURL: "https://someplace.com/to/download/your/template", templateVariables: {key1: value1, key2: value2}}`,
	"gitlabci-golang":                `{pathWithNamespace: cnych/hello, branch: main}`,
	"hashicorp-vault":                `{workflows: "deployments:\n  - name: vault-agent-injector\n    ready: true\n"}`,
	"helm-generic":                   `{}`,
	"jenkins":                        `{workflows: "statefulsets:\n  - name: dev-jenkins\n    ready: true\n"}`,
	"jira-github-integ":              `{workflowDir: /repos/cnych/hello/contents/.github/workflows}`,
	"kube-prometheus":                `{workflows: "deployments:\n  - name: dev-grafana\n    ready: true\n"}`,
	"openldap":                       `{workflows: "deployments:\n  - name: openldap-ltb-passwd\n    ready: true\n"}`,
	"tekton":                         `{workflows: "deployments:\n  - name: tekton-pipelines-controller\n    ready: true\n"}`,
	"trello":                         `{boardId: 62a1b2c3d4e5f60718293a4b, todoListId: 62a1b2c3d4e5f60718293a4c, doingListId: 62a1b2c3d4e5f60718293a4d, doneListId: 62a1b2c3d4e5f60718293a4e, outputs: {boardId: 62a1b2c3d4e5f60718293a4b, todoListId: 62a1b2c3d4e5f60718293a4c, doingListId: 62a1b2c3d4e5f60718293a4d, doneListId: 62a1b2c3d4e5f60718293a4e}}`,
	"trello-github-integ":            `{workflowDir: /repos/cnych/hello/contents/.github/workflows}`,
}

// What DevStream 0.7 recorded of every one of its plugins is, with the unchanged configuration, nothing to do.
func TestNothingIsToBeDoneForAnyPluginOf07(t *testing.T) {
	set, _ := asLeft(t)
	for _, plugin := range set.Names() {
		if plugin == "localfile" {
			continue // has scripts of its own, with the file
		}
		t.Run(plugin, func(t *testing.T) {
			text, resources := readSample(t, plugin), []string{leftBy07[plugin]}
			if plugin == "trello-github-integ" {
				text, resources = readSample(t, "trello")+strings.TrimPrefix(text, "tools:\n"), []string{leftBy07["trello"], leftBy07[plugin]}
			}
			if plugin == "argocdapp" {
				text, resources = readSample(t, "argocd")+strings.TrimPrefix(text, "tools:\n"), []string{leftBy07["argocd"], leftBy07[plugin]}
			}
			text = strings.NewReplacer("HELM_REPO_NAME", "r", "YOUR_CHART_REPO_URL", "https://github.com/cnych/hello", "YOUR_CHART_REPO", "https://example.org", "CHART_NAME", "r/c",
				"RELEASE_NAME", "r", "YOUR_CHART_NAMESPACE", "n", "ARGOCD_INSTANCE_NAME", "default", "JIRA_ID", "x", "JIRA_USER_EMAIL", "a@example.org", "JIRA_PROJECT_KEY", "PRJ").Replace(text)
			text = hostingPlaceholders.Replace(text)
			nothingToDo(t, text, func(tool wrote, i int) recorded {
				return recorded{Name: tool.Name, Instanceid: tool.InstanceID, Dependson: needs(tool), Options: tool.Options, Resource: node(t, resources[i])}
			})
		})
	}
}

// leftBy012 are tools of every plugin of 0.12 that is mapped onto one here, as its documentation has them, with the resource
// that it recorded (plugins.md). That of the second tool, which 0.12 did not know, comes of it.
var leftBy012 = []struct{ name, tool, resource string }{
	{"repo-scaffolding", `
  options:
    destinationRepo: {owner: cnych, name: hello, branch: main, scmType: github, token: "[[ env GITHUB_TOKEN ]]"}
    sourceRepo: {org: devstream-io, name: dtm-repo-scaffolding-golang-gin, scmType: github}
    vars: {imageRepo: cnych/hello}
`, `{repo: hello, owner: cnych, org: "", repoURL: "", repoType: github, source: x, outputs: {repo: hello, org: "", owner: cnych, repoURL: "https://github.com/cnych/hello"}}`},
	{"repo-scaffolding", `
  options:
    destinationRepo: {org: acme, name: hello, scmType: gitlab, baseURL: "https://gitlab.example.com", token: "[[ env GITLAB_TOKEN ]]"}
    sourceRepo: {org: devstream-io, name: dtm-repo-scaffolding-python-flask, scmType: github}
`, `{repo: hello, owner: "", org: acme, outputs: {repo: hello, org: acme, owner: "", repoURL: "https://gitlab.example.com/acme/hello.git"}}`},
	{"github-actions", `
  options:
    scm: {owner: cnych, name: hello, branch: main, scmType: github, token: "[[ env GITHUB_TOKEN ]]"}
    pipeline:
      language: {name: go, framework: gin}
      imageRepo: {user: cnych, password: "[[ env IMAGE_REPO_PASSWORD ]]"}
`, `{.github/workflows/github-actions.yml: {localSHA: a, scm: [{scmSHA: a, scmBranch: main}]}}`},
	{"github-actions", `
  options:
    scm: {owner: cnych, name: hello, branch: main, token: "[[ env GITHUB_TOKEN ]]"}
    pipeline: {language: {name: python, framework: flask}}
`, `{}`},
	{"github-actions", `
  options:
    scm: {url: "https://github.com/cnych/hello", branch: main, token: "[[ env GITHUB_TOKEN ]]"}
    pipeline: {language: {name: nodejs}, test: {enable: true, command: [npm test, npm run lint]}}
`, `{}`},
	{"gitlab-ci", `
  options:
    scm: {owner: cnych, name: hello, scmType: gitlab, token: "[[ env GITLAB_TOKEN ]]"}
    pipeline: {language: {name: golang}}
`, `{.gitlab-ci.yml: {localSHA: a, scm: [{scmSHA: a, scmBranch: master}]}}`},
	{"gitlab-ci", `
  options:
    scm: {owner: cnych, name: hello, branch: main, scmType: gitlab, token: "[[ env GITLAB_TOKEN ]]"}
    pipeline: {configLocation: "https://example.org/ci.yml"}
`, `{}`},
	{"jira", `
  options:
    scm: {owner: cnych, name: hello, branch: main, scmType: github, token: "[[ env GITHUB_TOKEN ]]"}
    jira: {token: "[[ env JIRA_API_TOKEN ]]", baseURL: "https://x.atlassian.net", userEmail: a@example.org, projectKey: PRJ}
`, `{}`},
	{"trello", `
  options:
    scm: {owner: cnych, name: hello, branch: main, scmType: github, token: "[[ env GITHUB_TOKEN ]]"}
    board: {name: board, description: mine, apiKey: "[[ env TRELLO_API_KEY ]]", token: "[[ env TRELLO_TOKEN ]]"}
`, `{boardId: 62a1b2c3d4e5f60718293a4b, todoListId: 62a1b2c3d4e5f60718293a4c, doingListId: 62a1b2c3d4e5f60718293a4d, doneListId: 62a1b2c3d4e5f60718293a4e, outputs: {boardId: 62a1b2c3d4e5f60718293a4b, todoListId: 62a1b2c3d4e5f60718293a4c, doingListId: 62a1b2c3d4e5f60718293a4d, doneListId: 62a1b2c3d4e5f60718293a4e}}`},
	{"argocdapp", `
  options:
    app: {name: hello, namespace: argocd}
    destination: {server: "https://kubernetes.default.svc", namespace: default}
    source: {valuefile: values.yaml, path: helm/hello, repoURL: "https://github.com/cnych/hello", token: "[[ env GITHUB_TOKEN ]]", repoBranch: main}
    imageRepo: {user: cnych, url: "http://harbor.example.com:80", initalTag: 0.0.1}
`, `{app: {name: hello, namespace: argocd}, src: {repoURL: "https://github.com/cnych/hello", path: helm/hello, valueFile: values.yaml}, dest: {server: "https://kubernetes.default.svc", namespace: default}}`},
	{"gitlab-ce-docker", `
  options: {hostname: gitlab.example.com, gitlabHome: /srv/gitlab, sshPort: 30022, httpPort: 80, httpsPort: 443, rmDataAfterDelete: false, imageTag: rc}
`, `{ContainerRunning: true, Volumes: [/srv/gitlab/config, /srv/gitlab/data, /srv/gitlab/logs], Hostname: gitlab.example.com, PortPublishes: [{hostport: 30022, containerport: 22}]}`},
	{"helm-installer", `
  instanceID: argocd
`, `{workflows: "deployment:\n  - name: argocd-server\n    ready: true\n"}`},
	{"helm-installer", `
  instanceID: jenkins-001
  options:
    valuesYaml: |
      controller:
        adminPassword: "[[ env JENKINS_PASSWORD ]]"
`, `{workflows: "statefulset: []\n", valuesYaml: "controller:\n  adminPassword: canary-JENKINS_PASSWORD\n", outputs: {jenkins_url: "http://jenkins.jenkins:8080"}}`},
	{"helm-installer", `
  instanceID: vault-001
  options: {chart: {version: 0.20.1, timeout: 5m}}
`, `{workflows: x}`},
	{"helm-installer", `
  instanceID: mine
  options: {repo: {name: r, url: "https://example.org"}, chart: {chartName: r/c, releaseName: c, namespace: n, wait: true, timeout: 10m, upgradeCRDs: false}}
`, `{workflows: x}`},
	{"helm-installer", "\n  instanceID: artifactory-001\n", `{workflows: x}`},
	{"helm-installer", "\n  instanceID: devlake-001\n", `{workflows: x, valuesYaml: "", outputs: {devlake_url: "http://10.0.0.1:8080"}}`},
	{"helm-installer", "\n  instanceID: harbor-001\n", `{workflows: x}`},
	{"helm-installer", "\n  instanceID: kube-prometheus-001\n", `{workflows: x}`},
	{"helm-installer", "\n  instanceID: openldap-001\n", `{workflows: x}`},
	{"helm-installer", "\n  instanceID: sonarqube-001\n", `{workflows: x}`},
	{"helm-installer", "\n  instanceID: tekton-001\n", `{workflows: x}`},
}

// What DevStream 0.12 recorded is nothing to do either, and no secret that it recorded in clear is recorded again.
func TestNothingIsToBeDoneForAnyPluginOf012(t *testing.T) {
	for i, test := range leftBy012 {
		t.Run(fmt.Sprint(i, " ", test.name), func(t *testing.T) {
			tool := test.tool
			if !strings.Contains(tool, "instanceID") {
				tool = "\n  instanceID: default" + tool
			}
			nothingToDo(t, "config:\n  state: {backend: local, options: {stateFile: devstream.state}}\ntools:\n- name: "+test.name+tool, func(tool wrote, _ int) recorded {
				options := tool.Options
				if options == nil {
					options = map[string]any{}
				}
				options["instanceID"] = tool.InstanceID
				return recorded{Name: tool.Name, InstanceID: tool.InstanceID, DependsOn: needs(tool), Options: options, ResourceStatus: node(t, test.resource)}
			})
		})
	}
}

// wrote is a tool as it stands in a configuration.
type wrote struct {
	Name       string         `yaml:"name"`
	InstanceID string         `yaml:"instanceID"`
	DependsOn  []string       `yaml:"dependsOn"`
	Options    map[string]any `yaml:"options"`
}

// recorded is an entry of a state, of 0.7 or 0.12.
type recorded struct {
	Name           string         `yaml:"name"`
	Instanceid     string         `yaml:"instanceid,omitempty"`
	Dependson      []string       `yaml:"dependson,omitempty"`
	InstanceID     string         `yaml:"instanceID,omitempty"`
	DependsOn      []string       `yaml:"dependsOn,omitempty"`
	Options        map[string]any `yaml:"options"`
	Resource       any            `yaml:"resource,omitempty"`
	ResourceStatus any            `yaml:"resourceStatus,omitempty"`
}

func needs(tool wrote) []string { return append([]string{}, tool.DependsOn...) }

func node(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// asLeft are the plugins that there are, in a world where everything is still as DevStream left it: a Read finds what is
// recorded. What a real Read finds of it is for the scripts. done counts the verbs that change something.
func asLeft(t *testing.T) (set plugins.Set, done *int) {
	t.Helper()
	real, err := all.Set(environment(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	set, done = plugins.Set{}, new(int)
	for name, kind := range real {
		changed := func() (json.RawMessage, error) {
			*done++
			return nil, fmt.Errorf("nothing is to be done")
		}
		k := plugins.Of(name, kind.Schema, plugins.Verbs{
			Create:   func(context.Context, json.RawMessage) (json.RawMessage, error) { return changed() },
			Read:     func(_ context.Context, _, last json.RawMessage) (json.RawMessage, error) { return last, nil },
			Update:   func(_ context.Context, _, _, _ json.RawMessage) (json.RawMessage, error) { return changed() },
			Delete:   func(context.Context, json.RawMessage, json.RawMessage) error { _, err := changed(); return err },
			Succeed:  func(_ context.Context, _, old json.RawMessage) (json.RawMessage, error) { return old, nil },
			Identity: func(ctx context.Context, o json.RawMessage) (string, error) { return kind.Identity(ctx, o) },
			Validate: func(ctx context.Context, o json.RawMessage) error { return kind.Validate(ctx, o) },
		})
		k.Shared, k.Precious = kind.Shared, kind.Precious
		set[name] = k
	}
	return set, done
}

// nothingToDo plans a configuration with the state that DevStream left of it, before and after it was taken over.
func nothingToDo(t *testing.T, config string, of func(tool wrote, i int) recorded) {
	t.Helper()
	set, done := asLeft(t)
	dir := t.TempDir()
	env := regexp.MustCompile(`\[\[ env (\w+) \]\]`)
	for _, m := range env.FindAllStringSubmatch(config, -1) {
		t.Setenv(m[1], "canary-"+m[1])
	}
	var doc struct {
		Tools []wrote `yaml:"tools"`
	}
	if err := yaml.Unmarshal([]byte(env.ReplaceAllString(config, "canary-$1")), &doc); err != nil {
		t.Fatal(err)
	}
	state := map[string]recorded{}
	for i, tool := range doc.Tools {
		tool.Options = filledAs(tool.Options, func(ref string) string { return outputOf(t, state, ref) })
		state[tool.Name+"_"+tool.InstanceID] = of(tool, i)
	}
	text, err := yaml.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "config.yaml"), config)
	writeFile(t, filepath.Join(dir, "devstream.state"), string(text))
	p := projectOf(t, dir, set)
	empty := func(when string) {
		t.Helper()
		plan, err := p.plan(t.Context(), p.config, engine.PlanOptions{})
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		doc, err := plan.MarshalJSON()
		if err != nil || !plan.Empty() {
			t.Errorf("%s there is something to do (%v, %v):\n%s\n%s", when, err, plan.Errors, doc, text)
		}
		noCanary(t, "the plan", doc)
	}
	empty("before")
	session, err := p.store.Open(t.Context(), store.Holder{Command: "dtm apply", User: "ada", Host: "here"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	p = projectOf(t, dir, set)
	empty("after it was taken over")
	if *done > 0 {
		t.Errorf("%d verbs were called", *done)
	}
	journal, err := os.ReadFile(filepath.Join(dir, "devstream.state"))
	if err != nil {
		t.Fatal(err)
	}
	noCanary(t, "the journal", journal)
	if kept, err := os.ReadFile(filepath.Join(dir, "devstream.state.bak")); err != nil || string(kept) != string(text) {
		t.Errorf("the backup is %q, %v", kept, err)
	}
}

func noCanary(t *testing.T, what string, data []byte) {
	t.Helper()
	if i := strings.Index(string(data), "canary-"); i >= 0 {
		t.Errorf("a secret is in %s: %s", what, data[max(0, i-200):min(len(data), i+40)])
	}
}

// projectOf reads a folder as dtm does, with these plugins.
func projectOf(t *testing.T, dir string, set plugins.Set) *project {
	t.Helper()
	loader, err := newLoader(set)
	if err != nil {
		t.Fatal(err)
	}
	src, err := compat.Read(t.Context(), filepath.Join(dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := loader.Check(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	p := &project{config: config, loader: loader, engine: &engine.Engine{
		Plugins: set, Definition: loader.Definition, LookupEnv: os.LookupEnv, Now: time.Now, Parallel: 1,
	}}
	if err := p.openStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// filledAs is v with references to outputs filled in, as DevStream recorded it.
func filledAs(options map[string]any, value func(ref string) string) map[string]any {
	reference := regexp.MustCompile(`\$\{\{ *(\S+) *\}\}`)
	for name, v := range options {
		switch v := v.(type) {
		case string:
			options[name] = reference.ReplaceAllStringFunc(v, func(s string) string { return value(reference.FindStringSubmatch(s)[1]) })
		case map[string]any:
			options[name] = filledAs(v, value)
		}
	}
	return options
}

// outputOf is what a reference means, as in trello.default.outputs.boardId.
func outputOf(t *testing.T, state map[string]recorded, ref string) string {
	t.Helper()
	words := strings.Split(ref, ".")
	at := state[words[0]+"_"+words[1]]
	resource, _ := at.Resource.(map[string]any)
	outputs, _ := resource["outputs"].(map[string]any)
	if outputs[words[3]] == nil {
		t.Fatalf("%s means nothing", ref)
	}
	return outputs[words[3]].(string)
}

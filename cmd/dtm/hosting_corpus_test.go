package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// A document is a configuration of DevStream's examples, documentation and tests for a code host or a board: one of all those
// that were ever valid for the plugins that there are.
type document struct {
	// before are the commands of a script that make what has to be there.
	before string
	// with are the other files that it names.
	with []string
	// variables come before it, where the page defines them elsewhere.
	variables string
	// tools come with it, where it names others.
	tools string
	// fill are the placeholders, by turns with what a user puts there.
	fill []string
}

const toolsOfNobody = `dependsOn: [ "TOOL1_NAME.TOOL1_PLUGIN", "TOOL2_NAME.TOOL2_PLUGIN" ]`

var hostingDocuments = map[string]document{
	"0.3.1/docs-blocks/output.1.yaml":                                  {before: "boards"},
	"0.3.1/docs-blocks/plugins__argocdapp.2.yaml":                      {before: "github IronCore864"},
	"0.3.1/docs-blocks/plugins__github-repo-scaffolding-golang.1.yaml": {before: "github cnych"},
	"0.3.1/docs-blocks/plugins__github-repo-scaffolding-golang.2.yaml": {before: "github IronCore864"},
	"0.3.1/docs-blocks/plugins__githubactions-golang.2.yaml":           {before: "github IronCore864"},
	"0.3.1/docs-blocks/plugins__githubactions-nodejs.1.yaml":           {before: "github cnych\nhub-new cnych/hello", fill: []string{toolsOfNobody, ""}},
	"0.3.1/docs-blocks/plugins__githubactions-python.1.yaml":           {before: "github cnych\nhub-new cnych/hello", fill: []string{toolsOfNobody, ""}},
	"0.3.1/docs-blocks/plugins__jira-github-integ.1.yaml":              {before: "github cnych\nhub-new cnych/hello\nboards"},
	"0.3.1/docs-blocks/plugins__trello.1.yaml":                         {before: "boards"},
	"0.3.1/docs-blocks/plugins__trello-github-integ.1.yaml": {
		before: "github cnych\nboards",
		tools:  "- {name: demo, plugin: github-repo-scaffolding-golang, options: {owner: cnych, repo: hello}}\n",
	},
	"0.3.1/examples/quickstart.yaml":                       {before: "github cnych"},
	"0.7.0/docs-blocks/core-concepts__dependencies.1.yaml": {before: "github cnych devstream-io"},
	"0.7.0/docs-blocks/core-concepts__output.1.yaml":       {before: "boards"},
	"0.7.0/docs-blocks/core-concepts__output.2.yaml":       {before: "github IronCore864"},
	"0.7.0/docs-blocks/core-concepts__variables.1.yaml": {
		before:    "gitlab ironcore864 acme ironcore864/go-hello-world\ntemplate ci.yml",
		variables: "gitlabUser: ironcore864\ndefaultBranch: main\ngitlabCIGolangTemplate: $TEMPLATE_URL\n",
	},
	"0.7.0/docs-blocks/core-concepts__variables.2.yaml": {
		before: "gitlab ironcore864 acme ironcore864/go-hello-world\ntemplate ci.yml",
		fill:   []string{"https://gitlab.com/ironcore864/go-hello-world/-/raw/main/go.tpl", "$TEMPLATE_URL"},
	},
	"0.7.0/docs-blocks/core-concepts__config.2.yaml": {
		before:    "github cnych\nboards",
		variables: "githubUsername: cnych\nrepoName: hello\ndefaultBranch: main\ndockerhubUsername: cnych\n",
	},
	"0.7.0/docs-blocks/plugins__argocdapp.1.yaml":                      {before: "github IronCore864"},
	"0.7.0/docs-blocks/plugins__github-repo-scaffolding-golang.1.yaml": {before: "github cnych"},
	"0.7.0/docs-blocks/plugins__githubactions-golang.1.yaml":           {before: "github IronCore864", variables: "dockerhubUsername: cnych\n"},
	"0.7.0/examples/gitops.yaml":                                       {before: "github daniel-hutao\nboards"},
	"0.7.0/examples/quickstart.yaml":                                   {before: "github cnych"},
	"articles/000-article-0.7.0/config.yaml":                           {before: "github cnych\nboards", with: []string{"variables.yaml", "tools.yaml"}},
	"history/0.5.0/examples/gitops.yaml":                               {before: "github daniel-hutao\nboards", with: []string{"variables-gitops.yaml", "tools-gitops.yaml"}},
	"history/0.5.0/examples/quickstart.yaml":                           {before: "github cnych", with: []string{"tools-quickstart.yaml"}},
	"history/0.5.0/test/e2e/yaml/e2e-config.yaml": {
		before: "github cnych devstream-io",
		variables: "defaultBranch: main\ngithubOrganization: devstream-io\nrepoName: dtm-e2e-go\ndockerRegistryUserName: dtme2etest\n" +
			"argocdNameSpace: argocd\nargocdDeployTimeout: 10m\n",
	},
	"history/0.8.0/test/e2e/yaml/e2e-trello-github-config.yaml": {
		before: "github cnych devstream-io\nhub-new devstream-io/dtm-e2e-go\nboards",
		with:   []string{"e2e-variables.yaml", "e2e-trello-github-tools.yaml"},
	},
	"history/0.8.0/examples/quickstart.yaml":       {before: "github cnych"},
	"history/0.8.0/examples/gitops.yaml":           {before: "github daniel-hutao\nboards"},
	"history/0.8.0/test/e2e/yaml/e2e-config.yaml":  {before: "github cnych devstream-io", with: []string{"e2e-variables.yaml", "e2e-tools.yaml"}},
	"history/0.10.0/examples/quickstart.yaml":      {before: "github cnych"},
	"history/0.10.0/examples/gitops.yaml":          {before: "github daniel-hutao\nboards"},
	"history/0.10.0/test/e2e/yaml/e2e-config.yaml": {before: "github cnych devstream-io"},
	"history/0.10.0/test/e2e/yaml/e2e-trello-github-config.yaml": {
		before: "github cnych devstream-io\nhub-new devstream-io/dtm-e2e-go\nboards",
	},
	"0.12.0/examples/quickstart.yaml": {before: "github cnych"},
}

var documentPlaceholders = []string{
	"YOUR_GITHUB_USERNAME_CASE_SENSITIVE", "cnych", "YOUR_GITHUB_USERNAME", "cnych", "YOURE_REPO_NAME", "hello", "YOUR_REPO_NAME", "hello",
	"YOUR_DOCKERHUB_USERNAME", "cnych", "YOUR_DOCKERHUB_IMAGE_REPO_NAME", "hello", "YOUR_DOCKERHUB_REPOSITORY", "hello", "YOUR_DOCKER_USERNAME", "cnych",
	"KANBAN_BOARD_NAME", "board",
	"https://JIRA_ID.atlassian.net", "$JIRA_URL", "https://[[ jiraID ]].atlassian.net", "$JIRA_URL", "https://xxx.atlassian.net", "$JIRA_URL",
	"JIRA_USER_EMAIL", "$JIRA_USER", "tao.hu@merico.dev", "$JIRA_USER", "foo@bar.com", "$JIRA_USER",
	"JIRA_PROJECT_KEY", "$JIRA_PROJECT", "jiraProjectKey: DT", "jiraProjectKey: $JIRA_PROJECT", "jiraProjectKey: zzz", "jiraProjectKey: $JIRA_PROJECT",
}

// TestEveryDocumentForACodeHostIsAppliedTwice runs a script for each: applied, and again there is nothing to do, nothing is
// written, and nothing was deleted on the way. What is for a cluster in them is left out here.
func TestEveryDocumentForACodeHostIsAppliedTwice(t *testing.T) {
	corpus := filepath.Join("..", "..", "..", "shared", "reference", "configs")
	_, err := os.Stat(corpus)
	parts.Need(t, err == nil, "the reference configurations are not there: %v", err)
	dir := t.TempDir()
	for path, d := range hostingDocuments {
		read := func(name string) string {
			text, err := os.ReadFile(filepath.Join(corpus, filepath.Dir(path), name))
			if err != nil {
				t.Fatal(err)
			}
			return strings.NewReplacer(append(d.fill, documentPlaceholders...)...).Replace(string(text))
		}
		text := read(filepath.Base(path)) + d.tools
		if d.variables != "" {
			text = d.variables + "---\n" + strings.TrimPrefix(text, "---\n")
		}
		files := fmt.Sprintf("\n-- sample/config.yaml --\n%s\n-- ci.yml --\ntest:\n  script: echo {{ .App }}\n", text)
		expand := "expand sample/config.yaml TEMPLATE_URL JIRA_URL JIRA_USER JIRA_PROJECT\n"
		for _, name := range d.with {
			files += fmt.Sprintf("-- sample/%s --\n%s\n", name, read(name))
			expand += strings.ReplaceAll(expand[:strings.Index(expand, "\n")+1], "config.yaml", name)
		}
		script := fmt.Sprintf("# %s is applied, and again there is nothing to do.\n\nenv DOCKERHUB_TOKEN=dockerhub-canary\nenv IMAGE_REPO_PASSWORD=dockerhub-canary\n%s\n%s", path, d.before, expand)
		apply := "exec dtm apply -y -f sample\n"
		if strings.Contains(files, "argocdapp") {
			apply = "exec dtm apply -y -f sample --exclude 'argocd*.*'\n"
		}
		script += apply + "! asked DELETE\nbegin\n" + apply + "stderr 'There is nothing to do\\.'\n! wrote\n! exec grep -r dockerhub-canary sample\n" + files
		name := strings.NewReplacer("/", "_", ".yaml", ".txtar").Replace(path)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runScripts(t, dir)
}

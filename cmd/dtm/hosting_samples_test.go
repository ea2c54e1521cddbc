package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostingSamples are DevStream's samples for code hosts and boards, with the placeholders that a user fills in. Owner and
// organisation are both given, as there: it was that which made DevStream delete the repository at every apply. That of
// gitlab-ce-docker is in a script of its own.
var hostingSamples = map[string]sample{
	"github-repo-scaffolding-golang": {before: []string{"github cnych acme"}, after: []string{"hub-repo acme/hello archived", "! hub-asked DELETE"}},
	"gitlab-repo-scaffolding-golang": {before: []string{"gitlab cnych acme"}},
	"githubactions-golang": {
		before: []string{"github cnych acme", "hub-new acme/hello", "env DOCKERHUB_TOKEN=dockerhub-canary"},
		after:  []string{"hub-secrets acme/hello 0", "! hub-asked 'DELETE /repos/acme/hello '", "! exec grep -r dockerhub-canary sample"},
	},
	"githubactions-nodejs": {before: []string{"github cnych acme", "hub-new acme/hello"}, after: []string{"! hub-asked 'DELETE /repos/acme/hello '"}},
	"githubactions-python": {before: []string{"github cnych acme", "hub-new acme/hello"}, after: []string{"! hub-asked 'DELETE /repos/acme/hello '"}},
	"gitlabci-golang":      {before: []string{"gitlab cnych acme cnych/hello"}},
	"gitlabci-generic":     {before: []string{"gitlab cnych acme cnych/hello", "template ci.yml"}},
	"trello":               {before: []string{"boards"}},
	"trello-github-integ": {
		before: []string{"github cnych acme", "hub-new acme/hello", "boards"},
		more:   "trello",
		after:  []string{"hub-secrets acme/hello 0", "! hub-asked 'DELETE /repos/acme/hello '"},
	},
	"jira-github-integ": {
		before: []string{"github cnych acme", "hub-new acme/hello", "boards"},
		after:  []string{"hub-secrets acme/hello 0", "! hub-asked 'DELETE /repos/acme/hello '"},
	},
}

var hostingPlaceholders = strings.NewReplacer(
	"YOUR_GITHUB_USERNAME/YOUR_GITLAB_REPO_NAME", "cnych/hello", // as it stands in two of the samples
	"YOUR_GITLAB_USERNAME/YOUR_GITLAB_REPO_NAME", "cnych/hello",
	"YOUR_GITHUB_USERNAME", "cnych", "YOUR_GITLAB_USERNAME", "cnych", "YOUR_ORGANIZATION_NAME", "acme", "YOUR_REPO_NAME", "hello",
	"YOUR_DOCKERHUB_USERNAME", "cnych", "YOUR_DOCKERHUB_REPOSITORY", "hello", "KANBAN_BOARD_NAME", "board",
	"https://someplace.com/to/download/your/template", "$TEMPLATE_URL",
	"https://JIRA_ID.atlassian.net", "$JIRA_URL", "JIRA_USER_EMAIL", "$JIRA_USER", "JIRA_PROJECT_KEY", "$JIRA_PROJECT",
)

// TestEverySampleForACodeHostIsAppliedTwice runs a script for each: applied, and again there is nothing to do; what holds
// what nobody can make again is destroyed on purpose only.
func TestEverySampleForACodeHostIsAppliedTwice(t *testing.T) {
	dir := t.TempDir()
	for name, s := range hostingSamples {
		text := readSample(t, name)
		if s.more != "" {
			text += strings.TrimPrefix(readSample(t, s.more), "tools:\n")
		}
		text = hostingPlaceholders.Replace(text)
		precious := strings.Contains(name, "scaffolding") || name == "trello" || s.more == "trello"
		end := text
		if precious {
			end = strings.ReplaceAll(text, "    instanceID: default\n", "    instanceID: default\n    lifecycle: {preventDestroy: false}\n")
		}
		var script strings.Builder
		fmt.Fprintf(&script, "# The sample of %s is applied, and again there is nothing to do.\n\n%s\n", name, strings.Join(s.before, "\n"))
		script.WriteString("expand sample/config.yaml TEMPLATE_URL JIRA_URL JIRA_USER JIRA_PROJECT\nexpand end/config.yaml TEMPLATE_URL JIRA_URL JIRA_USER JIRA_PROJECT\nexec dtm apply -y -f sample\nbegin\nexec dtm apply -y -f sample\nstderr 'There is nothing to do\\.'\nexec dtm verify -f sample\n! wrote\n")
		if precious {
			script.WriteString("exits 1 dtm destroy -y -f sample\nstderr 'preventDestroy'\ncp end/config.yaml sample/config.yaml\nexec dtm apply -y -f sample\n")
		}
		fmt.Fprintf(&script, "exec dtm destroy -y -f sample\n%s\n", strings.Join(s.after, "\n"))
		fmt.Fprintf(&script, "\n-- sample/config.yaml --\n%s\n-- end/config.yaml --\n%s\n-- ci.yml --\ntest:\n  script: echo {{ .key1 }} {{ .key2 }}\n", text, end)
		if err := os.WriteFile(filepath.Join(dir, "sample_"+name+".txtar"), []byte(script.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runScripts(t, dir)
}

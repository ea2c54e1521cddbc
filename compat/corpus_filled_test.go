package compat

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What `show config` of 0.12 printed has placeholders in it, secrets in clear, and the repository twice, by its URL and by its
// parts. Filled in as its comments say it runs; what nothing here does the work of is taken out first.
func TestSamplesOf012RunOnceTheirPlaceholdersAreFilledIn(t *testing.T) {
	root := filepath.Join(corpus(t), "configs/0.12.0/internal/pkg/show/config/plugins")
	loader := builtIn(t)
	without := regexp.MustCompile(`(?m)^ *(url|org|baseURL): YOUR_REPO_URL.*\n|^ *org: YOUR_REPO_ORG.*\n|^ *baseURL: YOUR_SELF_HOST_GITLAB_URL.*\n|^ *dependsOn: .*INSTANCE_NAME.*\n`)
	blocks := regexp.MustCompile(`(?m)^( {6})(dingTalk|sonarqube):.*\n(^ {8}.*\n)+`)
	comments := regexp.MustCompile(`(?m)^ *#.*\n| +#.*$`)
	filled := strings.NewReplacer(
		"token: YOUR_REPO_SCM_TOKEN", "token: [[ env GITHUB_TOKEN ]]", "token: JIRA_TOKEN", "token: [[ env JIRA_API_TOKEN ]]",
		"password: YOUR_IMAGE_REPO_PASSWORD", "password: [[ env IMAGE_REPO_PASSWORD ]]",
		"YOUR_REPO_BRANCH", "main", "YOUR_REPO_OWNER", "ann", "YOUR_REPO_NAME", "app", "LANGUAGE", "go", "changeme-001", "argocd-001",
		"JIRA_ID", "acme", "JIRA_USER_EMAIL", "ann@example.com", "JIRA_PROJECT_KEY", "HEAP", "YOUR_DOCKERHUB_REPOSITORY", "ann/app",
		"YOUR_CHART_REPO_URL", "https://github.com/ann/app", "YOUR_CHART_REPO_BRANCH", "main", "scmType: gitlab", "scmType: github",
		"configLocation: .gitlabci.yml", "configLocation: ",
	)
	for name, want := range map[string]string{
		"argocdapp":        "argocdapp.default",
		"github-actions":   "githubactions-golang.default",
		"gitlab-ce-docker": "gitlab-ce-docker.default",
		"gitlab-ci":        "gitlabci-golang.default",
		"helm-installer":   "argocd.argocd-001",
		"jira":             "jira-github-integ.default",
		"repo-scaffolding": "github-repo-scaffolding-golang.default",
		"trello":           "trello.default trello-github-integ.default",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(root, name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			text := comments.ReplaceAllString(string(data), "")
			text = filled.Replace(blocks.ReplaceAllString(without.ReplaceAllString(text, ""), ""))
			if name == "gitlab-ci" {
				text = strings.NewReplacer("GITHUB_TOKEN", "GITLAB_TOKEN", "scmType: github", "scmType: gitlab").Replace(text)
			}
			if name == "trello" {
				text += "      name: app\n"
			}
			t.Chdir(t.TempDir())
			write(t, "config.yaml", "config: {state: {backend: local}}\n"+text)
			src, err := Read(t.Context(), "config.yaml")
			if err != nil {
				t.Fatal(err)
			}
			if got := names(src); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if _, err := loader.Check(t.Context(), src); err != nil {
				t.Error(err)
			}
		})
	}
}

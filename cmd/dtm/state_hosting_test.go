package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// left is what DevStream left on a code host or a board.
type left struct {
	// world are the commands of a script that make it, as DevStream left it.
	world []string
	// config and state are in the forms of the version, with $NAME for what is only known when the world is made.
	config, state string
}

const boardLeft = `{boardId: $BOARD, todoListId: $TODO, doingListId: $DOING, doneListId: $DONE, outputs: {boardId: $BOARD, todoListId: $TODO, doingListId: $DOING, doneListId: $DONE}}`

// entry07 and entry012 are entries of a state.
func entry07(name, needs, options, resource string) string {
	return fmt.Sprintf("%s_default:\n  name: %[1]s\n  instanceid: default\n  dependson: [%s]\n  options: %s\n  resource: %s\n", name, needs, options, resource)
}

func entry012(name, options, resource string) string {
	return fmt.Sprintf("%s_default:\n  name: %[1]s\n  instanceID: default\n  dependsOn: []\n  options: {instanceID: default, %s}\n  resourceStatus: %s\n", name, options, resource)
}

func tool07(name, options string) string {
	return "tools:\n- name: " + name + "\n  instanceID: default\n  dependsOn: []\n  options: " + options + "\n"
}

func tool012(name, options string) string {
	return "config:\n  state: {backend: local, options: {stateFile: devstream.state}}\n" + tool07(name, "{"+options+"}")
}

// hub, lab and scm are where things are, in the words of 0.7 and 0.12.
const (
	inHub07  = `owner: cnych, org: acme, repo: hello, branch: main`
	inHub012 = `scm: {org: acme, name: hello, branch: main, scmType: github, token: TOKEN}`
	inLab012 = `scm: {owner: cnych, name: hello, branch: main, scmType: gitlab, token: TOKEN}`
	flows    = "hub-edit acme/hello main .github/workflows/"
)

func leftThere() map[string]left {
	onHub := []string{"github cnych acme", "hub-new acme/hello"}
	onLab := []string{"gitlab cnych acme cnych/hello"}
	flowDir := "{workflowDir: /repos/cnych/hello/contents/.github/workflows}"
	both := func(options string) (string, string) { return options, options }
	out := map[string]left{}
	add07 := func(name, options, resource string, world ...string) {
		o, s := both("{" + options + "}")
		out["0.7 "+name] = left{world: world, config: tool07(name, o), state: entry07(name, "", s, resource)}
	}
	add012 := func(title, name, options, resource string, world ...string) {
		variable := "GITHUB_TOKEN"
		if strings.Contains(options, "scmType: gitlab") {
			variable = "GITLAB_TOKEN"
		}
		out["0.12 "+title] = left{
			world: world, config: tool012(name, strings.ReplaceAll(options, "token: TOKEN", `token: "[[ env `+variable+` ]]"`)),
			state: entry012(name, strings.ReplaceAll(options, "token: TOKEN", "token: $"+variable), resource),
		}
	}
	add07("github-repo-scaffolding-golang", inHub07+", image_repo: cnych/hello", `{owner: cnych, org: acme, repoName: hello, outputs: {owner: cnych, org: acme, repo: hello, repoURL: "https://github.com/cnych/hello.git"}}`, onHub...)
	add07("githubactions-golang", inHub07+", language: {name: go, version: '1.18'}, build: {enable: true, command: go build ./...}, test: {enable: true, command: go test ./...}, docker: {enable: false}", flowDir,
		append(onHub, flows+"pr-builder.yml 'name: x'", flows+"main-builder.yml 'name: x'")...)
	add07("githubactions-nodejs", inHub07+", language: {name: nodejs, version: '16.14'}", flowDir, append(onHub, flows+"main-builder.yml 'name: x'")...)
	add07("githubactions-python", inHub07+", language: {name: python, version: '3.8'}", flowDir, append(onHub, flows+"main-builder.yml 'name: x'")...)
	add07("jira-github-integ", inHub07+", jiraBaseUrl: '$JIRA_URL', jiraUserEmail: $JIRA_USER, jiraProjectKey: $JIRA_PROJECT", flowDir,
		append(onHub, "boards", flows+"jira-github-integ.yml 'name: x'")...)
	add07("trello", "owner: cnych, org: acme, repo: hello, kanbanBoardName: board", boardLeft, "boards", "board-left board cnych/hello")
	add07("gitlab-repo-scaffolding-golang", "owner: cnych, repo: hello, branch: main, image_repo: cnych/hello", `{owner: cnych, org: "", repoName: hello, outputs: {owner: cnych, org: "", repo: hello, repoURL: "https://gitlab.com/cnych/hello.git"}}`, onLab...)
	add07("gitlabci-golang", "pathWithNamespace: cnych/hello, branch: main", "{pathWithNamespace: cnych/hello, branch: main}", append(onLab, "lab-edit cnych/hello main .gitlab-ci.yml 'image: golang'")...)
	add07("gitlabci-generic", "pathWithNamespace: cnych/hello, branch: main, templateURL: $TEMPLATE_URL, templateVariables: {key1: value1}", "{pathWithNamespace: cnych/hello, branch: main, templateURL: $TEMPLATE_URL, templateVariables: {key1: value1}}",
		append(onLab, "lab-edit cnych/hello main .gitlab-ci.yml 'image: golang'", "template ci.yml")...)
	out["0.7 trello-github-integ"] = left{
		world: append(onHub, "boards", "board-left board cnych/hello", flows+"trello-github-integ.yml 'name: x'"),
		config: tool07("trello", "{owner: cnych, org: acme, repo: hello, kanbanBoardName: board}") + strings.TrimPrefix(tool07("trello-github-integ", "{"+inHub07+
			", boardId: '${{ trello.default.outputs.boardId }}', todoListId: '${{ trello.default.outputs.todoListId }}', doingListId: '${{ trello.default.outputs.doingListId }}', doneListId: '${{ trello.default.outputs.doneListId }}'}"), "tools:\n"),
		state: entry07("trello", "", "{owner: cnych, org: acme, repo: hello, kanbanBoardName: board}", boardLeft) +
			entry07("trello-github-integ", "", "{"+inHub07+", boardId: $BOARD, todoListId: $TODO, doingListId: $DOING, doneListId: $DONE}", flowDir),
	}

	add012("repo-scaffolding on GitHub", "repo-scaffolding", strings.Replace(inHub012, "scm:", "destinationRepo:", 1)+", sourceRepo: {org: devstream-io, name: dtm-repo-scaffolding-golang-gin, scmType: github}, vars: {imageRepo: cnych/hello}",
		`{repo: hello, org: acme, owner: "", repoType: github, outputs: {repo: hello, org: acme, owner: "", repoURL: "https://github.com/acme/hello"}}`, onHub...)
	add012("repo-scaffolding on GitLab", "repo-scaffolding", strings.Replace(inLab012, "scm:", "destinationRepo:", 1)+", sourceRepo: {org: devstream-io, name: dtm-repo-scaffolding-golang-gin, scmType: github}",
		`{repo: hello, org: "", owner: cnych, repoType: gitlab, outputs: {repo: hello, org: "", owner: cnych, repoURL: "https://gitlab.com/cnych/hello.git"}}`, onLab...)
	for language, plugin := range map[string]string{"go": "golang", "python": "python", "nodejs": "nodejs"} {
		add012("github-actions of "+plugin, "github-actions", inHub012+", pipeline: {language: {name: "+language+"}}",
			`{.github/workflows/github-actions.yml: {localSHA: a, scm: [{scmSHA: a, scmBranch: main}]}}`, append(onHub, flows+"github-actions.yml 'name: x'")...)
	}
	add012("gitlab-ci", "gitlab-ci", inLab012+", pipeline: {language: {name: go}}", `{.gitlab-ci.yml: {localSHA: a, scm: [{scmSHA: a, scmBranch: main}]}}`, append(onLab, "lab-edit cnych/hello main .gitlab-ci.yml 'image: golang'")...)
	add012("jira", "jira", inHub012+`, jira: {token: $JIRA_API_TOKEN, baseURL: '$JIRA_URL', userEmail: $JIRA_USER, projectKey: $JIRA_PROJECT}`, "{}", append(onHub, "boards", flows+"jiraIssueBuilder.yml 'name: x'")...)
	add012("trello", "trello", inHub012+`, board: {name: board, description: d, apiKey: $TRELLO_API_KEY, token: $TRELLO_TOKEN}`, boardLeft,
		append(onHub, "boards", "board-left board acme/hello", flows+"trelloIssueBuilder.yml 'name: x'")...)
	return out
}

// What DevStream left on code hosts and boards is, after it is taken over, nothing to do: plans and applies only look. The
// services stand in for the real ones.
func TestWhatDevStreamLeftOnCodeHostsIsNothingToDo(t *testing.T) {
	dir := t.TempDir()
	const names = "JIRA_API_TOKEN JIRA_URL JIRA_USER JIRA_PROJECT TRELLO_API_KEY TRELLO_TOKEN BOARD TODO DOING DONE TEMPLATE_URL"
	for name, l := range leftThere() {
		config := l.config
		for _, variable := range []string{"TRELLO_API_KEY", "TRELLO_TOKEN", "JIRA_API_TOKEN"} {
			if strings.HasPrefix(name, "0.12") {
				config = strings.ReplaceAll(config, "$"+variable, `"[[ env `+variable+` ]]"`)
			}
		}
		script := fmt.Sprintf(`# What DevStream %s left is taken over, and nothing is to be done for it.

%s
expand config.yaml %[3]s
expand devstream.state GITHUB_TOKEN GITLAB_TOKEN %[3]s
expand more %[3]s
cp devstream.state old
begin
exec dtm plan
stdout 'There is nothing to do'
exec dtm apply -y
stderr 'There is nothing to do'
exec dtm verify
exec dtm show status
! stdout 'Drifted: true'
cmp devstream.state old

# another tool takes the state over
cp more config.yaml
exec dtm apply -y
stderr '1 created, 0 updated, 0 replaced, 0 deleted, 0 failed'
cmp devstream.state.bak old
exec dtm apply -y
stderr 'There is nothing to do'
exec dtm verify
! wrote
secretless devstream.state

-- config.yaml --
%s
-- more --
%[4]s- {name: localfile, instanceID: more, options: {filename: more.txt, content: more}}
-- devstream.state --
%[5]s
-- ci.yml --
test: {script: echo}
`, name, strings.Join(l.world, "\n"), names, config, l.state)
		file := strings.NewReplacer(" ", "_", ".", "").Replace(name) + ".txtar"
		if err := os.WriteFile(filepath.Join(dir, file), []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runScripts(t, dir)
}

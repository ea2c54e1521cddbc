package schema

// olderOptions are options as DevStream 0.8 to 0.12 wrote them: of a plugin that has another name here, or in another shape
// than the plugin of the same name has here.
type olderOptions struct {
	// when is true of options in that shape; it says nothing where there is no plugin of that name here.
	when, schema object
}

// older are they, by the name of the plugin. What is known is described, and whatever else there is passes: what becomes of
// it is told when the file is read.
func (d *jsonSchemas) older() map[string]*olderOptions {
	d.defs["devstream.repository"] = loose("A repository, as DevStream 0.10 to 0.12 wrote it.", object{
		"owner":      variableScalar("The user that owns the repository. Where org is given, too, org counts."),
		"org":        variableScalar("The organisation or group that owns the repository."),
		"name":       variableScalar("The name of the repository."),
		"branch":     variableScalar("The branch."),
		"scmType":    variableScalar("Where it is: \"github\" or \"gitlab\"."),
		"url":        variableScalar("The URL of the repository, which says all of the others: https://HOST/OWNER/NAME."),
		"baseURL":    variableScalar("The address of a code host of one's own."),
		"visibility": variableScalar("Who may see a repository that is made."),
		"token":      variableScalar("The token, as `[[ env GITHUB_TOKEN ]]` or `[[ env GITLAB_TOKEN ]]`: in clear it is refused."),
	})
	d.defs["devstream.pipeline"] = loose("What the pipeline does.", object{
		"configLocation": variableScalar("Where the file of the pipeline comes from: a URL or a path. Without it, dtm writes the file."),
		"language": loose("The language.", object{
			"name": variableScalar("Its name, as in \"go\"."), "version": variableScalar("The version to build with."),
			"framework": variableScalar("The framework."),
		}),
		"test":      loose("The tests.", object{"enable": object{"description": "Whether they run."}, "command": object{"description": "The command, or a list of commands."}}),
		"imageRepo": ref("devstream.image"),
	})
	d.defs["devstream.image"] = loose("The registry that the image goes to.", object{
		"url": variableScalar("The address of the registry; empty for Docker Hub."), "user": variableScalar("The user that pushes."),
		"password": variableScalar("The variable with the user's token, as `[[ env IMAGE_REPO_PASSWORD ]]`: in clear it is refused."),
	})
	d.defs["devstream.chart"] = loose("A Helm chart, as DevStream 0.8 to 0.12 wrote it.", object{
		"repo": loose("Where the chart comes from.", object{"name": variableScalar("The name of the repository."), "url": variableScalar("The URL of the repository.")}),
		"chart": loose("What is installed.", object{
			"chartName": variableScalar("The chart: REPO/CHART."), "chartPath": variableScalar("The path of a chart on this machine."),
			"version": variableScalar("The chart's version."), "releaseName": variableScalar("The name of the release."),
			"namespace": variableScalar("The namespace of the release."), "timeout": variableScalar("How long it may take, as in \"10m\"."),
			"wait":        object{"description": "Whether to wait until all workloads are ready."},
			"upgradeCRDs": object{"description": "Whether an upgrade brings the custom resource definitions up to date, too."},
		}),
		"valuesYaml": object{"description": "Values for the chart: as YAML text, or the name of a file."},
	})
	repo, pipeline, chart := ref("devstream.repository"), ref("devstream.pipeline"), ref("devstream.chart")
	either := func(all ...object) object { return object{"anyOf": all} }
	below := func(key string, is object) object {
		return object{"type": "object", "required": []string{key}, "properties": object{key: is}}
	}
	all := map[string]*olderOptions{
		"helm-installer": {schema: chart},
		"repo-scaffolding": {schema: loose("A repository that is made of another.", object{
			"destinationRepo": repo, "sourceRepo": repo, "vars": loose("What the template knows by name.", object{}),
			"destination_repo": repo, "source_repo": repo,
		})},
		"github-actions": {schema: loose("A workflow of GitHub Actions.", object{"scm": repo, "pipeline": pipeline})},
		"gitlab-ci":      {schema: loose("A pipeline of GitLab CI.", object{"scm": repo, "pipeline": pipeline, "runner": loose("A runner.", object{})})},
		"ci-generic":     {schema: loose("A pipeline of a file of one's own.", object{"scm": repo, "projectRepo": repo, "ci": loose("The file.", object{})})},
		"jira": {schema: loose("Issues of a repository, carried over to Jira.", object{"scm": repo, "jira": loose("The project of Jira.", object{
			"baseURL": variableScalar("The URL of the Jira site."), "userEmail": variableScalar("The user's e-mail address."),
			"projectKey": variableScalar("The key of the project."), "token": variableScalar("The token, as `[[ env JIRA_API_TOKEN ]]`."),
		})})},
		"trello": {when: has("board", "scm"), schema: loose("A board, and the workflow that keeps it.", object{"scm": repo, "board": loose("The board.", object{
			"name": variableScalar("The name of the board."), "description": variableScalar("Without effect."),
			"apiKey": variableScalar("The key, as `[[ env TRELLO_API_KEY ]]`."), "token": variableScalar("The token, as `[[ env TRELLO_TOKEN ]]`."),
		})})},
		"argocdapp": {
			when: either(has("imageRepo"), below("source", has("token", "repoBranch"))),
			schema: loose("", object{
				"app": loose("The Application itself.", object{}), "destination": loose("Where Argo CD deploys to.", object{}),
				"source": loose("What Argo CD deploys.", object{}), "imageRepo": ref("devstream.image"),
			}),
		},
		"gitlab-ce-docker": {
			when:   has("gitlabHome", "sshPort", "httpPort", "httpsPort", "rmDataAfterDelete", "imageTag", "image_tag"),
			schema: loose("", object{}),
		},
	}
	for _, name := range []string{"argocd", "devlake", "hashicorp-vault", "helm-generic", "jenkins", "kube-prometheus", "openldap", "tekton"} {
		all[name] = &olderOptions{
			when:   either(has("valuesYaml"), below("chart", has("chartName", "chartPath", "releaseName", "valuesYaml"))),
			schema: chart,
		}
	}
	for _, name := range []string{"githubactions-golang", "githubactions-nodejs", "githubactions-python"} {
		docker := has("repo")
		docker["not"] = object{"required": []string{"registry"}}
		all[name] = &olderOptions{when: below("docker", docker), schema: loose("", object{})}
	}
	return all
}

// loose is a map, or null, of which some keys are known.
func loose(description string, properties object) object {
	s := object{"type": []string{"object", "null"}}
	if description != "" {
		s["description"] = description
	}
	if len(properties) > 0 {
		s["properties"] = properties
	}
	return s
}

package compat

// Formerly says what does the work of a plugin that DevStream had from 0.8 on and that is called otherwise here, or is not
// here; empty for other names.
func Formerly(plugin string) string {
	const works = "; a configuration of DevStream may go on naming it"
	switch plugin {
	case "helm-installer":
		return "its presets are plugins: argocd, devlake, hashicorp-vault, jenkins, kube-prometheus, openldap and tekton, and helm-generic for other charts" + works
	case "repo-scaffolding":
		return "use github-repo-scaffolding-golang or gitlab-repo-scaffolding-golang" + works
	case "github-actions":
		return "use githubactions-golang, githubactions-nodejs or githubactions-python" + works
	case "gitlab-ci":
		return "use gitlabci-golang, or gitlabci-generic for a template of your own" + works
	case "ci-generic":
		return "use gitlabci-generic for a file of your own on GitLab (that of `type: gitlab` runs unchanged), githubactions-golang, -nodejs or -python on GitHub"
	case "jira":
		return "use jira-github-integ" + works
	}
	return instead(plugin)
}

// instead says what to use for a plugin of DevStream that does not exist here; empty for other names.
func instead(plugin string) string {
	switch plugin {
	case "jenkins-pipeline":
		return "use githubactions-golang, -nodejs or -python, or gitlabci-golang or gitlabci-generic for the pipeline; jenkins installs Jenkins itself"
	case "harbor-docker":
		return "use helm-generic with the chart harbor/harbor of https://helm.goharbor.io"
	case "zentao":
		return "use helm-generic with a chart of your own"
	case "devlake-config":
		return "use devlake to install DevLake; its connections are made in its own pages"
	}
	return ""
}

package workflow

import (
	"cmp"
	"fmt"
	"strings"
)

// publish is the job that builds the image and pushes it, for pushes to the branch alone.
func (o GitLabGo) publish(onBranch fields) fields {
	d := o.Docker
	a := access{registry: "$CI_REGISTRY", user: "$CI_REGISTRY_USER", password: "$CI_REGISTRY_PASSWORD"}
	if d.Registry.Type != "gitlab" {
		a = access{registry: cmp.Or(d.Registry.host(), "docker.io"), user: quoted(d.Registry.Username), password: "$" + d.secret(o.file())}
	}
	b := builderOf(d.Builder)
	image := cmp.Or(d.BuilderImage, b.image)
	job := fields{
		{"stage", "image"},
		{"rules", []fields{onBranch}},
		{"interruptible", false},
		{"image", fields{{"name", image}, {"entrypoint", []string{""}}}},
	}
	if b.service != "" {
		job = append(job, field{"services", []string{b.service}})
	}
	if b.variables != nil {
		job = append(job, field{"variables", b.variables})
	}
	return append(job, field{"script", block(b.script(a, d.Docker, d.image(o.place().Path.Name)))})
}

// access is what a job logs in with, each as a word for the shell.
type access struct{ registry, user, password string }

// builder is something that builds images.
type builder struct {
	image, service string
	variables      fields
	script         func(a access, d Docker, image string) []string
}

func builderOf(name string) builder {
	switch name {
	case "kaniko":
		return builder{
			image: "gcr.io/kaniko-project/executor:v1.24.0-debug",
			script: func(a access, d Docker, image string) []string {
				registry := a.registry
				if registry == "docker.io" {
					registry = "https://index.docker.io/v1/"
				}
				return []string{
					"mkdir -p /kaniko/.docker",
					fmt.Sprintf(`auth="$(printf '%%s:%%s' %s "%s" | base64 | tr -d '\n')"`, word(a.user), a.password),
					fmt.Sprintf(`printf '{"auths":{"%%s":{"auth":"%%s"}}}' "%s" "$auth" > /kaniko/.docker/config.json`, registry),
					fmt.Sprintf(`/kaniko/executor --context "$CI_PROJECT_DIR/%s" --dockerfile "$CI_PROJECT_DIR/%s" --destination "%s:$CI_COMMIT_SHORT_SHA" --destination "%s:latest"`,
						d.Context, d.Dockerfile, image, image),
				}
			},
		}
	case "dind":
		return builder{
			image: "docker:28", service: "docker:28-dind",
			variables: fields{
				{"DOCKER_TLS_CERTDIR", "/certs"}, {"DOCKER_HOST", "tcp://docker:2376"}, {"DOCKER_TLS_VERIFY", "1"}, {"DOCKER_CERT_PATH", "/certs/client"},
			},
			script: func(a access, d Docker, image string) []string { return likeDocker("docker", a, d, image) },
		}
	}
	return builder{
		image:     "quay.io/buildah/stable:v1.42.2",
		variables: fields{{"STORAGE_DRIVER", "vfs"}, {"BUILDAH_ISOLATION", "chroot"}, {"BUILDAH_FORMAT", "docker"}},
		script:    func(a access, d Docker, image string) []string { return likeDocker("buildah", a, d, image) },
	}
}

// likeDocker is for commands that are told things as docker is.
func likeDocker(command string, a access, d Docker, image string) []string {
	return []string{
		fmt.Sprintf(`printf '%%s' "%s" | %s login --username %s --password-stdin "%s"`, a.password, command, word(a.user), a.registry),
		fmt.Sprintf(`%s build --file "%s" --tag "%s:$CI_COMMIT_SHORT_SHA" --tag "%s:latest" "%s"`, command, d.Dockerfile, image, image, d.Context),
		fmt.Sprintf(`%s push "%s:$CI_COMMIT_SHORT_SHA"`, command, image),
		fmt.Sprintf(`%s push "%s:latest"`, command, image),
	}
}

// quoted is text as one word of a shell that means itself.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// word puts a variable into quotes, and leaves what has them.
func word(s string) string {
	if strings.HasPrefix(s, "'") {
		return s
	}
	return `"` + s + `"`
}

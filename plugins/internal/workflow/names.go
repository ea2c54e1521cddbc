package workflow

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// Everything that a tool has in a repository, or in a run, has a name that comes of its file's: no two files come to the same.

// stem is a file's name without its ending, for names that people read.
func stem(file string) string {
	if name, ok := strings.CutSuffix(file, ".yml"); ok && !strings.HasSuffix(name, ".yml") && !strings.HasSuffix(name, ".yaml") {
		return name
	}
	return file
}

// plainBranch are the files whose stem may stand in the name of a branch, and none of which is a folder of another's.
var plainBranch = regexp.MustCompile(`^[A-Za-z0-9_-]+\.yml$`)

// Through is the branch that changes of a file are proposed on, as in "dtm/dtm-go" for "dtm-go.yml".
func Through(file string) string {
	name := stem(file)
	switch {
	case file == rootFile:
		name = "gitlab-ci"
	case !plainBranch.MatchString(file) || name == "gitlab-ci":
		name = strings.Join(words(name), "-") + "-" + digest(file)
	}
	return "dtm/" + name
}

// standard are the names of files that options have by default, and how the secrets of each begin. None begins as another does.
var standard = map[string]string{
	"dtm-go.yml": "DTM_GO", "dtm-nodejs.yml": "DTM_NODEJS", "dtm-python.yml": "DTM_PYTHON", rootFile: "DTM_CI",
	"trello-github-integ.yml": "TRELLO_GITHUB_INTEG", "jira-github-integ.yml": "JIRA_GITHUB_INTEG",
}

// SecretName is the name of a secret that the workflow of a file, and no other, gets of a variable: as in
// "DTM_GO_DOCKERHUB_TOKEN" for "dtm-go.yml". Names have no case, so a digest tells apart what letters do not.
func SecretName(file, variable string) string {
	name, ok := standard[file]
	if !ok {
		name = "DTM_" + digest(file) + "_" + strings.Join(words(stem(file)), "_")
	}
	return strings.ToUpper(name + "_" + variable)
}

// clash is an error if one secret of the workflow would have two values.
func (o Actions) clash(file string) error {
	from := map[string]string{}
	if o.Docker.Enable {
		from[o.Docker.secret(file)] = o.Docker.Registry.tokenEnv()
	}
	for _, name := range slices.Sorted(maps.Keys(o.Secrets)) {
		secret := SecretName(file, name)
		if other, ok := from[secret]; ok && other != o.Secrets[name] {
			return plugins.Hinted(fmt.Errorf("secrets.%s: the secret %s has the value of %s already", name, secret, other), differently)
		}
		from[secret] = o.Secrets[name]
	}
	return nil
}

// clash is an error if one variable of the project would have two values.
func (o GitLabGo) clash() error {
	if !o.Docker.Enable || o.Docker.Registry.Type == "gitlab" {
		return nil
	}
	name, from := o.Docker.secret(o.file()), o.Docker.Registry.tokenEnv()
	if other, ok := o.Variables[name]; ok && other != from {
		return plugins.Hinted(fmt.Errorf("variables.%s: the variable has the value of %s already", name, from), differently)
	}
	return nil
}

const differently = "call it differently, or set docker.registry.secret"

// words are what a name has of letters and digits, which go everywhere.
func words(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool {
		return (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r) && (r < '0' || '9' < r)
	})
}

// digest tells files apart, in six digits.
func digest(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:3])
}

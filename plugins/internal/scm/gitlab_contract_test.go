package scm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// labShapes are what GitLab answers with, as its own Go client reads it: a new value for each operation. What is not here
// answers with nothing, or with a message.
var labShapes = map[string]func() any{
	"GET /user":                                       func() any { return new(gitlab.User) },
	"GET /namespaces/{namespace}":                     func() any { return new(gitlab.Namespace) },
	"POST /projects":                                  func() any { return new(gitlab.Project) },
	"GET /projects/{id}":                              func() any { return new(gitlab.Project) },
	"PUT /projects/{id}":                              func() any { return new(gitlab.Project) },
	"POST /projects/{id}/archive":                     func() any { return new(gitlab.Project) },
	"POST /projects/{id}/unarchive":                   func() any { return new(gitlab.Project) },
	"GET /projects/{id}/repository/branches/{branch}": func() any { return new(gitlab.Branch) },
	"POST /projects/{id}/repository/branches":         func() any { return new(gitlab.Branch) },
	"GET /projects/{id}/repository/tree":              func() any { return new([]*gitlab.TreeNode) },
	"GET /projects/{id}/repository/files/{file}":      func() any { return new(gitlab.File) },
	"POST /projects/{id}/repository/commits":          func() any { return new(gitlab.Commit) },
	"GET /projects/{id}/repository/commits/{sha}":     func() any { return new(gitlab.Commit) },
	"GET /projects/{id}/merge_requests":               func() any { return new([]*gitlab.BasicMergeRequest) },
	"POST /projects/{id}/merge_requests":              func() any { return new(gitlab.MergeRequest) },
	"GET /projects/{id}/merge_requests/{iid}":         func() any { return new(gitlab.MergeRequest) },
	"PUT /projects/{id}/merge_requests/{iid}":         func() any { return new(gitlab.MergeRequest) },
	"GET /projects/{id}/variables":                    func() any { return new([]*gitlab.ProjectVariable) },
	"POST /projects/{id}/variables":                   func() any { return new(gitlab.ProjectVariable) },
	"GET /projects/{id}/variables/{key}":              func() any { return new(gitlab.ProjectVariable) },
	"PUT /projects/{id}/variables/{key}":              func() any { return new(gitlab.ProjectVariable) },
}

// agrees tells what is wrong with an answer that says yes: a field that GitLab's client does not know, or one of another type.
func agrees(operation string, answer []byte) error {
	shape, known := labShapes[operation]
	if !known {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(answer))
	d.DisallowUnknownFields()
	if err := d.Decode(shape()); err != nil {
		return fmt.Errorf("the answer is not as GitLab's client knows it: %w", err)
	}
	return nil
}

func TestWhatStandsInForGitLabIsHeldAgainstGitLabsClient(t *testing.T) {
	for want, answer := range map[string]string{
		"":                        `{"id": 1, "name": "shop", "namespace": {"id": 2, "kind": "user"}}`,
		`unknown field "naem"`:    `{"id": 1, "naem": "shop"}`,
		`unknown field "kin"`:     `{"namespace": {"kin": "user"}}`,
		"cannot unmarshal string": `{"id": "1"}`,
		"cannot unmarshal array":  `[]`,
	} {
		err := agrees("GET /projects/{id}", []byte(answer))
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", answer, err, want)
		}
	}
}

package parts

import (
	"reflect"
	"strings"
	"testing"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

func TestGitLabsParametersAreThoseOfItsOwnClient(t *testing.T) {
	lab := GitLab(t)
	page, none := gitlab.ListOptions{}, struct{}{}
	options := map[string][]any{
		"POST /projects":                                 {gitlab.CreateProjectOptions{}},
		"GET /projects/{id}":                             {gitlab.GetProjectOptions{}},
		"PUT /projects/{id}":                             {gitlab.EditProjectOptions{}},
		"DELETE /projects/{id}":                          {gitlab.DeleteProjectOptions{}},
		"POST /projects/{id}/repository/branches":        {gitlab.CreateBranchOptions{}},
		"GET /projects/{id}/repository/tree":             {gitlab.ListTreeOptions{}, page},
		"GET /projects/{id}/repository/files/{file}":     {gitlab.GetFileOptions{}},
		"GET /projects/{id}/repository/files/{file}/raw": {gitlab.GetRawFileOptions{}},
		"POST /projects/{id}/repository/commits":         {gitlab.CreateCommitOptions{}},
		"GET /projects/{id}/repository/commits/{sha}":    {gitlab.GetCommitOptions{}},
		"GET /projects/{id}/merge_requests":              {gitlab.ListProjectMergeRequestsOptions{}, page},
		"POST /projects/{id}/merge_requests":             {gitlab.CreateMergeRequestOptions{}},
		"PUT /projects/{id}/merge_requests/{iid}":        {gitlab.UpdateMergeRequestOptions{}},
		"GET /projects/{id}/variables":                   {page},
		"POST /projects/{id}/variables":                  {gitlab.CreateProjectVariableOptions{}},
		"GET /projects/{id}/variables/{key}":             {gitlab.GetProjectVariableOptions{}},
		"PUT /projects/{id}/variables/{key}":             {gitlab.UpdateProjectVariableOptions{}},
		"DELETE /projects/{id}/variables/{key}":          {gitlab.RemoveProjectVariableOptions{}},
	}
	if len(lab.known) < len(options) {
		t.Errorf("there are %d operations", len(lab.known))
	}
	for pattern := range options {
		if lab.known[pattern] == nil {
			t.Errorf("%s is not known", pattern)
		}
	}
	for pattern, params := range lab.known {
		of := options[pattern]
		if of == nil {
			of = []any{none}
		}
		knows(t, pattern, params, of...)
	}
	knows(t, "an action", actionParams, gitlab.CommitActionOptions{})
}

// knows checks that options have each of some parameters, of their types.
func knows(t *testing.T, what string, params labParams, options ...any) {
	t.Helper()
	has := map[string]reflect.Type{}
	for _, o := range options {
		collect(reflect.TypeOf(o), has)
	}
	for name, kind := range params {
		is := has[name]
		if is == nil {
			t.Errorf("%s: the client knows no %s", what, name)
			continue
		}
		for is.Kind() == reflect.Pointer {
			is = is.Elem()
		}
		fits := map[reflect.Kind]string{
			reflect.String: "string", reflect.Bool: "boolean", reflect.Slice: "array", reflect.Struct: "hash",
			reflect.Int: "integer", reflect.Int64: "integer",
		}[is.Kind()]
		if want := strings.TrimPrefix(kind, "!"); fits != want {
			t.Errorf("%s: %s is %s for the client, and %s here", what, name, is, want)
		}
	}
}

// collect adds the fields of a type that are sent.
func collect(of reflect.Type, into map[string]reflect.Type) {
	for i := range of.NumField() {
		f := of.Field(i)
		if f.Anonymous {
			collect(f.Type, into)
			continue
		}
		for _, tag := range []string{"url", "json"} {
			if name, _, _ := strings.Cut(f.Tag.Get(tag), ","); name != "" && name != "-" {
				into[name] = f.Type
			}
		}
	}
}

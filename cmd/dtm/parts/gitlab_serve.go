package parts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// labCall is one request to the API, checked. The lock is held while it is answered.
type labCall struct {
	*http.Request
	user   string
	params map[string]any
	// project is that of the path, where there is one in it.
	project *labProject
}

func (c *labCall) text(name string) string {
	s, _ := c.params[name].(string)
	return s
}

// flag is true, false, or fallback if it is not said.
func (c *labCall) flag(name string, fallback bool) bool {
	switch v := c.params[name].(type) {
	case bool:
		return v
	case string: // of a query
		return v == "true"
	}
	return fallback
}

func (c *labCall) number(name string, fallback int) int {
	if n, err := strconv.Atoi(c.text(name)); err == nil { // of a query
		return n
	}
	if n, ok := c.params[name].(float64); ok {
		return int(n)
	}
	return fallback
}

// labError is an answer that says no. https://docs.gitlab.com/api/rest/troubleshooting/
type labError struct {
	status  int
	message any
}

func (e *labError) Error() string { return fmt.Sprint(e.status, " ", e.message) }

func labRefused(status int, format string, args ...any) error {
	return &labError{status, fmt.Sprintf(format, args...)}
}

func labMissing(what string) error { return labRefused(http.StatusNotFound, "404 %s Not Found", what) }

// labInvalid is what a model's validations say.
func labInvalid(field string, messages ...string) error {
	return &labError{http.StatusBadRequest, map[string][]string{field: messages}}
}

// labAnswer is what a request is answered with.
type labAnswer struct {
	status int
	body   any // nil: none; []byte: as it is
	header map[string]string
}

// labParams are the parameters that a request may have, besides those in its path: a type each, with "!" before it if it
// must be there. Types are those of the documentation: string, integer, boolean, array, hash.
type labParams map[string]string

// paging may be asked for with every list. https://docs.gitlab.com/api/rest/#pagination
func (p labParams) paging() labParams {
	p["page"], p["per_page"] = "integer", "integer"
	return p
}

// routes are the requests that are understood. Each is named with the page that describes it, below docs.gitlab.com/api/.
func (l *Lab) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern, doc string, params labParams, answer func(*labCall) (labAnswer, error)) {
		method, path, _ := strings.Cut(pattern, " ")
		l.known[pattern] = params
		mux.HandleFunc(method+" /api/v4"+path, func(w http.ResponseWriter, r *http.Request) {
			l.answer(w, r, doc, params, answer)
		})
	}
	handle("GET /user", "users/#get-the-current-user", labParams{}, l.getUser)
	handle("GET /namespaces/{namespace}", "namespaces/#retrieve-namespace-details", labParams{}, l.getNamespace)

	handle("POST /projects", "projects/#create-a-project", labParams{
		"name": "string", "path": "string", "namespace_id": "integer", "description": "string", "visibility": "string",
		"initialize_with_readme": "boolean", "default_branch": "string",
	}, l.createProject)
	handle("GET /projects/{id}", "projects/#get-a-single-project", labParams{"license": "boolean", "statistics": "boolean"}, l.getProject)
	handle("PUT /projects/{id}", "projects/#edit-a-project", labParams{
		"name": "string", "path": "string", "description": "string", "visibility": "string", "default_branch": "string",
	}, l.editProject)
	handle("DELETE /projects/{id}", "projects/#delete-a-project", labParams{"full_path": "string", "permanently_remove": "boolean"}, l.deleteProject)
	handle("POST /projects/{id}/archive", "projects/#archive-a-project", labParams{}, l.archiveProject(true))
	handle("POST /projects/{id}/unarchive", "projects/#unarchive-a-project", labParams{}, l.archiveProject(false))

	handle("GET /projects/{id}/repository/branches/{branch}", "branches/#get-single-repository-branch", labParams{}, l.getBranch)
	handle("POST /projects/{id}/repository/branches", "branches/#create-repository-branch",
		labParams{"branch": "!string", "ref": "!string"}, l.createBranch)
	handle("DELETE /projects/{id}/repository/branches/{branch}", "branches/#delete-repository-branch", labParams{}, l.deleteBranch)
	handle("GET /projects/{id}/repository/tree", "repositories/#list-repository-tree", labParams{
		"path": "string", "ref": "string", "recursive": "boolean", "pagination": "string", "page_token": "string",
	}.paging(), l.listTree)
	handle("GET /projects/{id}/repository/files/{file}", "repository_files/#get-file-from-repository", labParams{"ref": "!string"}, l.getFile)
	handle("GET /projects/{id}/repository/files/{file}/raw", "repository_files/#get-raw-file-from-repository",
		labParams{"ref": "string", "lfs": "boolean"}, l.getRawFile)
	handle("POST /projects/{id}/repository/commits", "commits/#create-a-commit-with-multiple-files-and-actions", labParams{
		"branch": "!string", "commit_message": "!string", "start_branch": "string", "start_sha": "string", "actions": "!array",
		"author_email": "string", "author_name": "string", "stats": "boolean", "force": "boolean",
	}, l.createCommit)
	handle("GET /projects/{id}/repository/commits/{sha}", "commits/#get-a-single-commit", labParams{"stats": "boolean"}, l.getCommit)

	handle("GET /projects/{id}/merge_requests", "merge_requests/#list-project-merge-requests", labParams{
		"state": "string", "source_branch": "string", "target_branch": "string", "order_by": "string", "sort": "string",
	}.paging(), l.listRequests)
	handle("POST /projects/{id}/merge_requests", "merge_requests/#create-mr", labParams{
		"source_branch": "!string", "target_branch": "!string", "title": "!string", "description": "string",
		"remove_source_branch": "boolean", "squash": "boolean",
	}, l.createRequest)
	handle("GET /projects/{id}/merge_requests/{iid}", "merge_requests/#get-single-mr", labParams{}, l.getRequest)
	handle("PUT /projects/{id}/merge_requests/{iid}", "merge_requests/#update-mr", labParams{
		"title": "string", "description": "string", "state_event": "string", "target_branch": "string", "remove_source_branch": "boolean",
	}, l.editRequest)

	handle("GET /projects/{id}/variables", "project_level_variables/#list-project-variables", labParams{}.paging(), l.listVariables)
	handle("POST /projects/{id}/variables", "project_level_variables/#create-a-variable", labParams{
		"key": "!string", "value": "!string", "description": "string", "environment_scope": "string", "masked": "boolean",
		"masked_and_hidden": "boolean", "protected": "boolean", "raw": "boolean", "variable_type": "string",
	}, l.createVariable)
	handle("GET /projects/{id}/variables/{key}", "project_level_variables/#get-a-single-variable", labParams{"filter": "hash"}, l.getVariable)
	handle("PUT /projects/{id}/variables/{key}", "project_level_variables/#update-a-variable", labParams{
		"value": "!string", "description": "string", "environment_scope": "string", "filter": "hash", "masked": "boolean",
		"protected": "boolean", "raw": "boolean", "variable_type": "string",
	}, l.editVariable)
	handle("DELETE /projects/{id}/variables/{key}", "project_level_variables/#delete-a-variable", labParams{"filter": "hash"}, l.deleteVariable)

	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		l.t.Errorf("GitLab was asked %s %s, which is not known here", r.Method, r.URL.RequestURI())
		http.NotFound(w, r)
	})
	return mux
}

// answer checks a request as the documentation says and answers it.
func (l *Lab) answer(w http.ResponseWriter, r *http.Request, doc string, known labParams, answer func(*labCall) (labAnswer, error)) {
	params, err := known.read(r)
	if err != nil {
		l.t.Errorf("%s %s: %v: see https://docs.gitlab.com/api/%s", r.Method, r.URL.RequestURI(), err, doc)
		labWrite(w, labAnswer{status: http.StatusBadRequest, body: map[string]string{"error": err.Error()}})
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tick()
	call := &labCall{Request: r, params: params}
	if err = l.admit(call); err == nil {
		var reply labAnswer
		if reply, err = answer(call); err == nil {
			if err := l.agreed(r, reply.body); err != nil {
				l.t.Errorf("%s %s: %v: see https://docs.gitlab.com/api/%s", r.Method, r.URL.RequestURI(), err, doc)
			}
			labWrite(w, reply)
			return
		}
	}
	var no *labError
	if !errors.As(err, &no) {
		l.t.Errorf("%s %s: %v", r.Method, r.URL.RequestURI(), err)
		no = &labError{http.StatusInternalServerError, "500 Internal Server Error"}
	}
	if location, ok := no.message.(labRedirect); ok {
		w.Header().Set("Location", string(location))
		labWrite(w, labAnswer{status: no.status, body: map[string]string{"message": "This resource has been moved temporarily to " + string(location)}})
		return
	}
	labWrite(w, labAnswer{status: no.status, body: map[string]any{"message": no.message}})
}

// Hold makes every answer that says yes be held against something, as in "GET /projects/{id}" and its JSON: what is wrong with
// one fails the test. Call it before anybody asks.
func (l *Lab) Hold(against func(operation string, answer []byte) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.against = against
}

func (l *Lab) agreed(r *http.Request, body any) error {
	_, raw := body.([]byte)
	if raw || body == nil || l.against == nil {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return l.against(strings.Replace(r.Pattern, " /api/v4", " ", 1), text)
}

// labRedirect is where a project is that was moved.
type labRedirect string

// admit asks who it is and finds the project. https://docs.gitlab.com/api/rest/authentication/,
// https://docs.gitlab.com/api/rest/#redirects
func (l *Lab) admit(c *labCall) error {
	secret := c.Header.Get("Private-Token")
	if secret == "" {
		secret = strings.TrimPrefix(c.Header.Get("Authorization"), "Bearer ")
	}
	token, ok := l.tokens[secret]
	if !ok {
		return labRefused(http.StatusUnauthorized, "401 Unauthorized")
	}
	c.user = token.user
	reads := c.Method == http.MethodGet || c.Method == http.MethodHead
	if may := slices.Contains(token.scopes, "api") || reads && slices.Contains(token.scopes, "read_api"); !may {
		return labRefused(http.StatusForbidden, "403 Forbidden - insufficient_scope: The request requires higher privileges than provided by the access token.")
	}
	id := c.PathValue("id")
	if id == "" {
		return nil
	}
	number, err := strconv.ParseInt(id, 10, 64)
	byPath := err != nil
	if byPath {
		if p := l.project(id); p != nil {
			number, byPath = p.id, false
		} else {
			number = l.moved[id]
		}
	}
	i := slices.IndexFunc(l.projects, func(p *labProject) bool { return p.id == number && p.removal == 0 })
	if i < 0 {
		return labMissing("Project")
	}
	p := l.projects[i]
	owner := l.owns(c.user, p.namespace)
	switch {
	case !owner && p.visibility == "private":
		return labMissing("Project")
	case byPath && c.Method != http.MethodGet:
		return labRefused(http.StatusMethodNotAllowed, "Non GET methods are not allowed for moved projects")
	case byPath:
		location := l.URL + "/api/v4/projects/" + strconv.FormatInt(p.id, 10)
		if _, rest, more := strings.Cut(strings.TrimPrefix(c.URL.EscapedPath(), "/api/v4/projects/"), "/"); more {
			location += "/" + rest
		}
		if c.URL.RawQuery != "" {
			location += "?" + c.URL.RawQuery
		}
		return &labError{http.StatusFound, labRedirect(location)}
	case !owner && !reads, p.archived && !reads && !mayWhenArchived(c):
		return labRefused(http.StatusForbidden, "403 Forbidden")
	}
	c.project = p
	return nil
}

// mayWhenArchived tells whether a request changes something else than what is in a project.
// https://docs.gitlab.com/user/project/working_with_projects/#archive-a-project
func mayWhenArchived(c *labCall) bool {
	return c.Method == http.MethodDelete && c.Pattern == "DELETE /api/v4/projects/{id}" || strings.HasSuffix(c.Pattern, "archive")
}

// read checks the parameters of a request, in its query or its body.
func (p labParams) read(r *http.Request) (map[string]any, error) {
	params := map[string]any{}
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if len(body) > 0 {
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				return nil, fmt.Errorf("the content type is %q", got)
			}
			if err := json.Unmarshal(body, &params); err != nil {
				return nil, err
			}
		}
	}
	for name, values := range r.URL.Query() {
		if inner, ok := strings.CutPrefix(name, "filter["); ok {
			name, params["filter"] = "filter", map[string]any{strings.TrimSuffix(inner, "]"): values[0]}
		} else {
			params[name] = values[0]
		}
		if len(values) != 1 {
			return nil, fmt.Errorf("%s is said %d times", name, len(values))
		}
		if n, err := strconv.ParseFloat(values[0], 64); err == nil && strings.TrimPrefix(p[name], "!") == "integer" {
			params[name] = n
		}
	}
	return params, p.check(params)
}

// check compares parameters with those that are known.
func (p labParams) check(params map[string]any) error {
	for name, value := range params {
		if err := labFits(value, strings.TrimPrefix(p[name], "!")); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	for name, kind := range p {
		if _, ok := params[name]; !ok && strings.HasPrefix(kind, "!") {
			return fmt.Errorf("%s is missing", name)
		}
	}
	return nil
}

func labFits(value any, kind string) error {
	var ok bool
	switch kind {
	case "":
		return errors.New("is not a parameter")
	case "string":
		_, ok = value.(string)
	case "integer":
		var n float64
		n, ok = value.(float64)
		ok = ok && n == float64(int64(n))
	case "boolean":
		_, ok = value.(bool)
		ok = ok || value == "true" || value == "false" // in a query
	case "array":
		_, ok = value.([]any)
	case "hash":
		_, ok = value.(map[string]any)
	}
	if !ok {
		return fmt.Errorf("is %v (%T), not of type %s", value, value, kind)
	}
	return nil
}

// labPage is a part of a list, with the headers that say so. https://docs.gitlab.com/api/rest/#offset-based-pagination
func labPage[T any](l *Lab, c *labCall, all []T) labAnswer {
	size := min(c.number("per_page", 20), 100)
	if l.perPage > 0 {
		size = min(size, l.perPage)
	}
	n := c.number("page", 1)
	from := min((n-1)*size, len(all))
	to := min(from+size, len(all))
	next := ""
	if to < len(all) {
		next = strconv.Itoa(n + 1)
	}
	part := slices.Clone(all[from:to])
	if part == nil {
		part = []T{}
	}
	return labAnswer{status: http.StatusOK, body: part, header: map[string]string{
		"X-Page": strconv.Itoa(n), "X-Per-Page": strconv.Itoa(size), "X-Next-Page": next, "X-Total": strconv.Itoa(len(all)),
	}}
}

func labWrite(w http.ResponseWriter, a labAnswer) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if raw, ok := a.body.([]byte); ok {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(a.status)
		_, _ = w.Write(raw) // who does not read it has gone
		return
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) // who does not read it has gone
}

package parts

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A JiraIssue is an issue as requests have made it.
type JiraIssue struct {
	Key, Type, Summary, Status string
	// Description and Comments are the texts of the documents, a line for each paragraph.
	Description string
	Comments    []string
	// Properties are by key, as JSON.
	Properties map[string]string
}

// A Tracker is a stand-in for Jira Cloud on the loopback: one user, one project with issues. It knows what dtm asks before it
// writes a workflow, and what that workflow does, of the REST API v3 (https://developer.atlassian.com/cloud/jira/platform/rest/v3/).
// A request that this does not have fails the test, and so does a body that is not as it says.
//
// Its methods may be called by many goroutines at the same time, and while clients ask.
type Tracker struct {
	troubles

	// URL is the address of the site, as in "https://acme.atlassian.net".
	URL string
	// User and Token are those of the only user, Project is the key of the only project.
	User, Token, Project string
	// Statuses are those that issues may have, by the name of the issue type. An issue may go from each to each.
	Statuses map[string][]string

	t      testing.TB
	mu     sync.Mutex
	issues []*JiraIssue
}

// Jira serves a Jira with a project of no issue until the test ends.
func Jira(t testing.TB) *Tracker {
	t.Helper()
	j := &Tracker{
		t: t, User: "jane+jira@example.com", Token: "ATATT" + strings.Repeat("0ddba11", 8), Project: "HEAP",
		Statuses: map[string][]string{"Task": {"To Do", "In Progress", "Done"}, "Bug": {"Open", "Closed"}},
	}
	server := httptest.NewUnstartedServer(j)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // cut connections are meant
	server.Start()
	t.Cleanup(server.Close)
	j.URL = server.URL
	return j
}

// Issues are copies of all issues, the oldest first.
func (j *Tracker) Issues() []JiraIssue {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []JiraIssue
	for _, i := range j.issues {
		one := *i
		one.Comments, one.Properties = slices.Clone(i.Comments), maps.Clone(i.Properties)
		all = append(all, one)
	}
	return all
}

// AddIssue makes an issue as somebody in the browser does, and returns its key.
func (j *Tracker) AddIssue(kind, summary string) (key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.add(kind, summary).Key
}

func (j *Tracker) add(kind, summary string) *JiraIssue {
	i := &JiraIssue{Key: fmt.Sprintf("%s-%d", j.Project, len(j.issues)+1), Type: kind, Summary: summary, Status: j.Statuses[kind][0], Properties: map[string]string{}}
	j.issues = append(j.issues, i)
	return i
}

// ServeHTTP is how Jira answers.
func (j *Tracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]func(*http.Request) (int, any){
		"GET /rest/api/3/myself":                       j.getMyself,
		"GET /rest/api/3/project/{key}":                j.getProject,
		"GET /rest/api/3/project/{key}/statuses":       j.getStatuses,
		"POST /rest/api/3/issue":                       j.postIssue,
		"GET /rest/api/3/issue/{key}/properties/{one}": j.getProperty,
		"GET /rest/api/3/issue/{key}/transitions":      j.getTransitions,
		"POST /rest/api/3/issue/{key}/transitions":     j.postTransition,
		"POST /rest/api/3/issue/{key}/comment":         j.postComment,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			j.mu.Lock()
			defer j.mu.Unlock()
			status, body := http.StatusUnauthorized, any("Client must be authenticated to access this resource.")
			if user, token, _ := r.BasicAuth(); user == j.User && token == j.Token {
				status, body = answer(r)
			}
			if text, ok := body.(string); ok {
				body = map[string]any{"errorMessages": []string{text}, "errors": map[string]string{}}
			}
			w.Header().Set("Content-Type", "application/json;charset=UTF-8")
			w.WriteHeader(status)
			if status != http.StatusNoContent {
				_ = json.NewEncoder(w).Encode(body)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		j.t.Errorf("jira: %s %s: nothing is known of that", r.Method, r.URL.Path)
		http.NotFound(w, r)
	})
	j.serve(w, r, mux)
}

func (j *Tracker) getMyself(*http.Request) (int, any) {
	return http.StatusOK, map[string]any{"accountId": "5b10a2844c20165700ede21g", "emailAddress": j.User, "active": true}
}

func (j *Tracker) getProject(r *http.Request) (int, any) {
	if r.PathValue("key") != j.Project {
		return http.StatusNotFound, fmt.Sprintf("No project could be found with key '%s'.", r.PathValue("key"))
	}
	return http.StatusOK, map[string]any{"id": "10000", "key": j.Project, "name": "Heap", "issueTypes": j.types()}
}

func (j *Tracker) types() []any {
	var all []any
	for _, name := range slices.Sorted(maps.Keys(j.Statuses)) {
		all = append(all, map[string]any{"id": "1", "name": name, "subtask": false})
	}
	return all
}

func (j *Tracker) getStatuses(r *http.Request) (int, any) {
	if status, body := j.getProject(r); status != http.StatusOK {
		return status, body
	}
	var all []any
	for _, name := range slices.Sorted(maps.Keys(j.Statuses)) {
		var statuses []any
		for _, s := range j.Statuses[name] {
			statuses = append(statuses, map[string]any{"id": "3", "name": s})
		}
		all = append(all, map[string]any{"id": "1", "name": name, "subtask": false, "statuses": statuses})
	}
	return http.StatusOK, all
}

func (j *Tracker) postIssue(r *http.Request) (int, any) {
	var in struct {
		Fields struct {
			Project   struct{ Key string }
			IssueType struct{ Name string }
			Summary   string
			// Description is a document.
			Description jiraNode
		}
		Properties []struct {
			Key   string
			Value json.RawMessage
		}
	}
	if why := j.body(r, &in); why != "" {
		return http.StatusBadRequest, why
	}
	f := in.Fields
	text, why := f.Description.text()
	switch {
	case f.Project.Key != j.Project, j.Statuses[f.IssueType.Name] == nil:
		return http.StatusBadRequest, "valid project and issue type are required"
	case f.Summary == "", len([]rune(f.Summary)) > 255, strings.ContainsAny(f.Summary, "\r\n"):
		return http.StatusBadRequest, "the summary is empty, longer than 255 characters or has line breaks"
	case why != "":
		return http.StatusBadRequest, why
	}
	i := j.add(f.IssueType.Name, f.Summary)
	i.Description = text
	for _, p := range in.Properties {
		i.Properties[p.Key] = string(p.Value)
	}
	return http.StatusCreated, map[string]any{"id": "10001", "key": i.Key, "self": j.URL + "/rest/api/3/issue/10001"}
}

func (j *Tracker) getProperty(r *http.Request) (int, any) {
	i := j.issue(r)
	if i == nil || i.Properties[r.PathValue("one")] == "" {
		return http.StatusNotFound, "Issue does not exist or you do not have permission to see it."
	}
	return http.StatusOK, map[string]any{"key": r.PathValue("one"), "value": json.RawMessage(i.Properties[r.PathValue("one")])}
}

func (j *Tracker) getTransitions(r *http.Request) (int, any) {
	i := j.issue(r)
	if i == nil {
		return http.StatusNotFound, "Issue does not exist or you do not have permission to see it."
	}
	all := []any{}
	for n, s := range j.Statuses[i.Type] {
		all = append(all, map[string]any{"id": fmt.Sprint(n + 11), "name": "Move to " + s, "to": map[string]any{"name": s}})
	}
	return http.StatusOK, map[string]any{"transitions": all}
}

func (j *Tracker) postTransition(r *http.Request) (int, any) {
	var in struct{ Transition struct{ ID string } }
	i := j.issue(r)
	if why := j.body(r, &in); why != "" || i == nil {
		return http.StatusBadRequest, why
	}
	for n, s := range j.Statuses[i.Type] {
		if fmt.Sprint(n+11) == in.Transition.ID {
			i.Status = s
			return http.StatusNoContent, nil
		}
	}
	return http.StatusBadRequest, "there is no such transition"
}

func (j *Tracker) postComment(r *http.Request) (int, any) {
	var in struct{ Body jiraNode }
	i := j.issue(r)
	if why := j.body(r, &in); why != "" || i == nil {
		return http.StatusBadRequest, why
	}
	text, why := in.Body.text()
	if why != "" {
		return http.StatusBadRequest, why
	}
	i.Comments = append(i.Comments, text)
	return http.StatusCreated, map[string]any{"id": fmt.Sprint(len(i.Comments))}
}

func (j *Tracker) issue(r *http.Request) *JiraIssue {
	for _, i := range j.issues {
		if i.Key == r.PathValue("key") {
			return i
		}
	}
	return nil
}

// body decodes the body of a request, whose every field must be known. What is wrong fails the test, too.
func (j *Tracker) body(r *http.Request, into any) (why string) {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil && r.Header.Get("Content-Type") != "application/json" {
		err = fmt.Errorf("the Content-Type is %q", r.Header.Get("Content-Type"))
	}
	if err != nil {
		j.t.Errorf("jira: %s %s: %v", r.Method, r.URL.Path, err)
		return err.Error()
	}
	return ""
}

// jiraNode is a part of a document in the Atlassian Document Format, as far as paragraphs of text have it
// (https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/).
type jiraNode struct {
	Type    string
	Version int
	Content []jiraNode
	Text    string
}

// text is what a document says, or why it is none.
func (n jiraNode) text() (text, why string) {
	if n.Type != "doc" || n.Version != 1 {
		return "", "it is no document of version 1"
	}
	var lines []string
	for _, p := range n.Content {
		if p.Type != "paragraph" {
			return "", "it has a " + p.Type
		}
		line := ""
		for _, t := range p.Content {
			if t.Type != "text" || t.Text == "" || strings.ContainsAny(t.Text, "\r\n") {
				return "", "it has text that is empty or broken"
			}
			line += t.Text
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), ""
}

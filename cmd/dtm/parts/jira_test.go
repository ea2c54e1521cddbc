package parts

import (
	"net/http"
	"strings"
	"testing"
)

func jiraAsks(t *testing.T, j *Tracker, method, path, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, j.URL+"/rest/api/3/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(j.User, j.Token)
	r.Header.Set("Content-Type", "application/json")
	return asks(t, r)
}

const aDocument = `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]},{"type":"paragraph","content":[]}]}`

func TestJiraKeepsWhatRequestsMake(t *testing.T) {
	j := Jira(t)
	for _, m := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"GET", "myself", "", 200, j.User},
		{"GET", "project/HEAP/statuses", "", 200, `"name":"In Progress"`},
		{"GET", "project/OTHER", "", 404, "No project could be found with key 'OTHER'."},
		{"POST", "issue", `{"fields":{"project":{"key":"HEAP"},"issuetype":{"name":"Bug"},"summary":"s","description":` + aDocument + `},"properties":[{"key":"p","value":{"x":1}}]}`, 201, `"key":"HEAP-1"`},
		{"GET", "issue/HEAP-1/properties/p", "", 200, `{"x":1}`},
		{"GET", "issue/HEAP-1/properties/q", "", 404, "Issue does not exist"},
		{"GET", "issue/HEAP-1/transitions", "", 200, `{"id":"12","name":"Move to Closed","to":{"name":"Closed"}}`},
		{"POST", "issue/HEAP-1/transitions", `{"transition":{"id":"12"}}`, 204, ""},
		{"POST", "issue/HEAP-1/comment", `{"body":` + aDocument + `}`, 201, `"id":"1"`},
	} {
		if status, answer := jiraAsks(t, j, m.method, m.path, m.body); status != m.status || !strings.Contains(answer, m.answer) {
			t.Errorf("%s %s: %d %s", m.method, m.path, status, answer)
		}
	}
	if i := j.Issues()[0]; i.Status != "Closed" || i.Description != "a\n" || len(i.Comments) != 1 {
		t.Errorf("the issue is %+v", i)
	}
}

func TestJiraRefusesWhatJiraRefuses(t *testing.T) {
	c := &complaints{TB: t}
	j := Jira(c)
	key := j.AddIssue("Task", "s")
	for _, m := range []struct {
		path, body string
		complains  bool
	}{
		{"issue", `{"fields":{"project":{"key":"HEAP"},"issuetype":{"name":"Epic"},"summary":"s","description":` + aDocument + `}}`, false},
		{"issue", `{"fields":{"project":{"key":"HEAP"},"issuetype":{"name":"Task"},"summary":"a\nb","description":` + aDocument + `}}`, false},
		{"issue", `{"fields":{"project":{"key":"HEAP"},"issuetype":{"name":"Task"},"summary":"s","description":"text"}}`, true},
		{"issue", `{"fields":{"titel":"s"}}`, true},
		{"issue/" + key + "/comment", `{"body":{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":""}]}]}}`, false},
		{"issue/" + key + "/transitions", `{"transition":{"id":"99"}}`, false},
		{"issue/" + key + "/watchers", `{}`, true},
	} {
		c.all = nil
		if status, answer := jiraAsks(t, j, "POST", m.path, m.body); status < 400 || (len(c.all) > 0) != m.complains {
			t.Errorf("%s %s: %d %s; %q", m.path, m.body, status, answer, c.all)
		}
	}
}

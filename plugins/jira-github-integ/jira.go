package jiragithubinteg

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/rest"
	"github.com/devstream-io/dtm/plugins/internal/tracker"
)

// jira is a Jira site as one user sees it.
type jira struct {
	server rest.Server
}

// open makes a jira with the token of the environment, which is set. Nothing is sent.
func open(ctx context.Context, env plugins.Env, o Options) (*jira, error) {
	base, err := rest.Base("jiraBaseUrl", o.JiraBaseURL)
	if err != nil {
		return nil, err
	}
	token := env.Getenv(o.variable())
	basic := base64.StdEncoding.EncodeToString([]byte(o.JiraUserEmail + ":" + token))
	plugins.Conceal(ctx, token)
	plugins.Conceal(ctx, basic)
	return &jira{server: rest.Server{
		Name: "jira", Base: base, Source: "jiraBaseUrl", HTTP: env.HTTP, Hint: o.hint,
		Authorization: "Basic " + basic, Secrets: []string{basic, token},
	}}, nil
}

func (o Options) hint(code int, _ string) string {
	switch code {
	case http.StatusUnauthorized:
		return "is " + o.variable() + " a token of jiraUserEmail, and not revoked?"
	case http.StatusForbidden:
		return "the user lacks a right in Jira: it takes one that may browse the project and create and move issues there"
	}
	return ""
}

const noProject = "jiraProjectKey is the key of a project that the user may see, as in HEAP"

// examine looks at the credentials, the project, its issue type and the statuses of that.
func (j *jira) examine(ctx context.Context, want Options) error {
	if err := j.server.Call(ctx, http.MethodGet, "/rest/api/3/myself", nil, nil); err != nil {
		return fmt.Errorf("the credentials for Jira: %w", err)
	}
	path := "/rest/api/3/project/" + url.PathEscape(want.JiraProjectKey)
	if err := j.server.Call(ctx, http.MethodGet, path, nil, nil); err != nil {
		return tracker.Missing(fmt.Errorf("the project %s: %w", want.JiraProjectKey, err), noProject)
	}
	var types []struct {
		Name     string `json:"name"`
		Statuses []struct {
			Name string `json:"name"`
		} `json:"statuses"`
	}
	if err := j.server.Call(ctx, http.MethodGet, path+"/statuses", nil, &types); err != nil {
		return tracker.Missing(fmt.Errorf("the statuses of %s: %w", want.JiraProjectKey, err), noProject)
	}
	var kinds []string
	for _, t := range types {
		if t.Name != want.IssueType {
			kinds = append(kinds, t.Name)
			continue
		}
		var names []string
		for _, s := range t.Statuses {
			names = append(names, s.Name)
		}
		for _, s := range []struct{ option, name string }{
			{"edited", want.Transitions.Edited}, {"closed", want.Transitions.Closed}, {"reopened", want.Transitions.Reopened},
		} {
			if s.name != "" && !slices.ContainsFunc(names, func(one string) bool { return strings.EqualFold(one, s.name) }) {
				return plugins.Hinted(fmt.Errorf("transitions.%s: a %s of %s has no status %q", s.option, t.Name, want.JiraProjectKey, s.name),
					"it has "+strings.Join(names, ", "))
			}
		}
		return nil
	}
	return plugins.Hinted(fmt.Errorf("issueType: %s has no issues of the type %q", want.JiraProjectKey, want.IssueType),
		"it has "+strings.Join(kinds, ", "))
}

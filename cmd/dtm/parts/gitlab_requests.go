package parts

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// labRequest is a merge request.
type labRequest struct {
	iid            int
	source, target string
	title, text    string
	state          string // opened, closed, merged
	removes        bool   // the source branch, when it is merged
	sha            string // of the source branch, when it was last there
}

func (l *Lab) listRequests(c *labCall) (labAnswer, error) {
	all := []any{}
	for _, r := range slices.Backward(c.project.requests) { // newest first
		state := c.text("state")
		if (state == "" || state == "all" || state == r.state) &&
			(c.text("source_branch") == "" || c.text("source_branch") == r.source) &&
			(c.text("target_branch") == "" || c.text("target_branch") == r.target) {
			all = append(all, l.request(c.project, r))
		}
	}
	return labPage(l, c, all), nil
}

func (l *Lab) createRequest(c *labCall) (labAnswer, error) {
	p := c.project
	r := &labRequest{
		iid: len(p.requests) + 1, source: c.text("source_branch"), target: c.text("target_branch"),
		title: c.text("title"), text: c.text("description"), state: "opened", removes: c.flag("remove_source_branch", false),
	}
	if r.source == r.target {
		return labAnswer{}, &labError{http.StatusUnprocessableEntity, []string{"You can't use same project/branch for source and target"}}
	}
	if r.title == "" {
		return labAnswer{}, labInvalid("title", "can't be blank")
	}
	if r.sha = p.repo.head(r.source); r.sha == "" {
		return labAnswer{}, labInvalid("source_branch", "does not exist")
	}
	for _, other := range p.requests {
		if other.state == "opened" && other.source == r.source && other.target == r.target {
			return labAnswer{}, &labError{http.StatusConflict, []string{"Another open merge request already exists for this source branch: !" + strconv.Itoa(other.iid)}}
		}
	}
	p.requests = append(p.requests, r)
	return labAnswer{status: http.StatusCreated, body: l.request(p, r)}, nil
}

func (l *Lab) asked(c *labCall) (*labRequest, error) {
	i := slices.IndexFunc(c.project.requests, func(r *labRequest) bool { return strconv.Itoa(r.iid) == c.PathValue("iid") })
	if i < 0 {
		return nil, labMissing("Merge Request")
	}
	return c.project.requests[i], nil
}

func (l *Lab) getRequest(c *labCall) (labAnswer, error) {
	r, err := l.asked(c)
	if err != nil {
		return labAnswer{}, err
	}
	return labAnswer{status: http.StatusOK, body: l.request(c.project, r)}, nil
}

func (l *Lab) editRequest(c *labCall) (labAnswer, error) {
	r, err := l.asked(c)
	if err != nil {
		return labAnswer{}, err
	}
	switch event := c.text("state_event"); {
	case event == "close" && r.state == "opened":
		r.state = "closed"
	case event == "reopen" && r.state == "closed":
		r.state = "opened"
	case event != "" && event != "close" && event != "reopen":
		return labAnswer{}, labRefused(http.StatusBadRequest, "state_event does not have a valid value")
	}
	if title := c.text("title"); title != "" {
		r.title = title
	}
	if text, ok := c.params["description"].(string); ok {
		r.text = text
	}
	return labAnswer{status: http.StatusOK, body: l.request(c.project, r)}, nil
}

func (l *Lab) request(p *labProject, r *labRequest) map[string]any {
	if sha := p.repo.head(r.source); sha != "" && r.state == "opened" {
		r.sha = sha
	}
	return map[string]any{
		"id": p.id*1000 + int64(r.iid), "iid": r.iid, "project_id": p.id, "source_project_id": p.id, "target_project_id": p.id,
		"source_branch": r.source, "target_branch": r.target, "title": r.title, "description": r.text, "state": r.state,
		"sha": r.sha, "web_url": l.URL + "/" + p.path() + "/-/merge_requests/" + strconv.Itoa(r.iid),
		"should_remove_source_branch": nil, "force_remove_source_branch": r.removes,
	}
}

// labVariable is a CI/CD variable.
type labVariable struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	Type        string `json:"variable_type"`
	Protected   bool   `json:"protected"`
	Masked      bool   `json:"masked"`
	Hidden      bool   `json:"hidden"`
	Raw         bool   `json:"raw"`
	Scope       string `json:"environment_scope"`
	Description any    `json:"description"`
}

// What a value must be like to be masked: without spaces if it is raw, and of few characters if it is not.
// https://docs.gitlab.com/ci/variables/#mask-a-cicd-variable
var (
	maskable    = regexp.MustCompile(`^[a-zA-Z0-9_+=/@:.~-]{8,}$`)
	maskableRaw = regexp.MustCompile(`^\S{8,}$`)
	variableKey = regexp.MustCompile(`^[a-zA-Z0-9_]{1,255}$`)
)

func (v *labVariable) set(c *labCall) error {
	if value, ok := c.params["value"].(string); ok {
		v.Value = value
	}
	if scope := c.text("environment_scope"); scope != "" {
		v.Scope = scope
	}
	if kind := c.text("variable_type"); kind != "" {
		v.Type = kind
	}
	if text, ok := c.params["description"].(string); ok {
		v.Description = text
	}
	v.Hidden = c.flag("masked_and_hidden", v.Hidden)
	v.Masked = c.flag("masked", v.Masked) || v.Hidden
	v.Protected, v.Raw = c.flag("protected", v.Protected), c.flag("raw", v.Raw)
	pattern := maskable
	if v.Raw {
		pattern = maskableRaw
	}
	switch {
	case !variableKey.MatchString(v.Key):
		return labInvalid("key", "can contain only letters, digits and '_'.")
	case v.Masked && !pattern.MatchString(v.Value):
		return labInvalid("value", "is invalid")
	case v.Type != "env_var" && v.Type != "file":
		return labRefused(http.StatusBadRequest, "variable_type does not have a valid value")
	}
	return nil
}

func (l *Lab) listVariables(c *labCall) (labAnswer, error) {
	return labPage(l, c, c.project.variables), nil
}

func (l *Lab) createVariable(c *labCall) (labAnswer, error) {
	v := labVariable{Key: c.text("key"), Type: "env_var", Scope: "*"}
	if err := v.set(c); err != nil {
		return labAnswer{}, err
	}
	if slices.ContainsFunc(c.project.variables, func(o labVariable) bool { return o.Key == v.Key && o.Scope == v.Scope }) {
		return labAnswer{}, labInvalid("key", "("+v.Key+") has already been taken")
	}
	c.project.variables = append(c.project.variables, v)
	return labAnswer{status: http.StatusCreated, body: v}, nil
}

// variable is the one that a request is about.
func (l *Lab) variable(c *labCall) (int, error) {
	filter, _ := c.params["filter"].(map[string]any)
	scope, scoped := filter["environment_scope"].(string)
	found := -1
	for i, v := range c.project.variables {
		if v.Key != c.PathValue("key") || scoped && v.Scope != scope {
			continue
		}
		if found >= 0 {
			return 0, labRefused(http.StatusConflict, "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'")
		}
		found = i
	}
	if found < 0 {
		return 0, labMissing("Variable")
	}
	return found, nil
}

func (l *Lab) getVariable(c *labCall) (labAnswer, error) {
	i, err := l.variable(c)
	if err != nil {
		return labAnswer{}, err
	}
	return labAnswer{status: http.StatusOK, body: c.project.variables[i]}, nil
}

func (l *Lab) editVariable(c *labCall) (labAnswer, error) {
	i, err := l.variable(c)
	if err != nil {
		return labAnswer{}, err
	}
	v := c.project.variables[i]
	if err := v.set(c); err != nil {
		return labAnswer{}, err
	}
	c.project.variables[i] = v
	return labAnswer{status: http.StatusOK, body: v}, nil
}

func (l *Lab) deleteVariable(c *labCall) (labAnswer, error) {
	i, err := l.variable(c)
	if err != nil {
		return labAnswer{}, err
	}
	c.project.variables = slices.Delete(c.project.variables, i, i+1)
	return labAnswer{status: http.StatusNoContent}, nil
}

package parts

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A trelloRule is one operation, with the parameters that it has: "!" before a name says that it is required.
type trelloRule struct {
	pattern    string
	parameters map[string]func(value string) bool
	serve      func(k *Kanban, r *http.Request, p url.Values) (any, error)
}

// trelloRules are the operations that are served, as the reference has them:
// https://developer.atlassian.com/cloud/trello/rest/api-group-boards/, …/api-group-lists/, …/api-group-cards/ and
// …/api-group-members/. Parameters that nothing here asks for are left out, so that asking for them is noticed.
func trelloRules() []trelloRule {
	boardFields := trelloOneOfEach("id", "name", "desc", "closed", "url", "shortUrl", "prefs", "idOrganization")
	listFields := trelloOneOfEach("id", "name", "closed", "idBoard", "pos")
	cardFields := trelloOneOfEach("id", "name", "desc", "closed", "idList", "idBoard")
	return []trelloRule{
		{"GET /1/members/me", trelloCheck{"fields": trelloOneOfEach("id", "username", "fullName")}, (*Kanban).getMe},
		{"GET /1/members/me/boards", trelloCheck{"fields": boardFields, "filter": trelloOneOfEach("all", "closed", "members", "open", "organization", "public", "starred")}, (*Kanban).getMyBoards},
		{"POST /1/boards", trelloCheck{
			"!name": trelloLength(1, 16384), "desc": trelloLength(0, 16384), "defaultLists": trelloBool, "defaultLabels": trelloBool,
			"prefs_permissionLevel": trelloOneOf("org", "private", "public"), "prefs_selfJoin": trelloBool, "prefs_cardCovers": trelloBool,
		}, (*Kanban).postBoard},
		{"GET /1/boards/{id}", trelloCheck{"fields": boardFields}, (*Kanban).getBoard},
		{"PUT /1/boards/{id}", trelloCheck{"name": trelloLength(1, 16384), "desc": trelloLength(0, 16384), "closed": trelloBool}, (*Kanban).putBoard},
		{"DELETE /1/boards/{id}", nil, (*Kanban).deleteBoard},
		{"GET /1/boards/{id}/lists", trelloCheck{"fields": listFields, "filter": trelloOneOf("all", "closed", "none", "open"), "cards": trelloOneOf("all", "closed", "none", "open")}, (*Kanban).getLists},
		{"POST /1/lists", trelloCheck{"!name": trelloLength(1, 16384), "!idBoard": trelloID, "pos": trelloPosition}, (*Kanban).postList},
		{"PUT /1/lists/{id}", trelloCheck{"name": trelloLength(1, 16384), "closed": trelloBool, "pos": trelloPosition}, (*Kanban).putList},
		{"GET /1/boards/{id}/cards/{filter}", trelloCheck{"fields": cardFields}, (*Kanban).getCards},
		{"POST /1/cards", trelloCheck{"!idList": trelloID, "name": trelloLength(0, 16384), "desc": trelloLength(0, 16384), "pos": trelloPosition}, (*Kanban).postCard},
		{"PUT /1/cards/{id}", trelloCheck{"name": trelloLength(1, 16384), "desc": trelloLength(0, 16384), "closed": trelloBool, "idList": trelloID, "pos": trelloPosition}, (*Kanban).putCard},
		{"GET /1/cards/{id}/actions", trelloCheck{"filter": trelloOneOf("commentCard"), "limit": trelloAtMost(1000)}, (*Kanban).getActions},
		{"POST /1/cards/{id}/actions/comments", trelloCheck{"!text": trelloLength(1, 16384)}, (*Kanban).postComment},
		{"PUT /1/cards/{id}/actions/{action}/comments", trelloCheck{"!text": trelloLength(1, 16384)}, (*Kanban).putComment},
		{"DELETE /1/cards/{id}/actions/{action}/comments", nil, (*Kanban).deleteComment},
	}
}

type trelloCheck = map[string]func(value string) bool

func trelloBool(v string) bool { return v == "true" || v == "false" }

func trelloOneOf(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}

func trelloOneOfEach(values ...string) func(string) bool {
	return func(v string) bool {
		return !slices.ContainsFunc(strings.Split(v, ","), func(one string) bool { return !slices.Contains(values, one) })
	}
}

func trelloLength(least, most int) func(string) bool {
	return func(v string) bool { n := len([]rune(v)); return least <= n && n <= most }
}

func trelloAtMost(most int) func(string) bool {
	return func(v string) bool { n, err := strconv.Atoi(v); return err == nil && 0 <= n && n <= most }
}

var trelloIDPattern = regexp.MustCompile(`^[0-9a-f]{24}$`)

func trelloID(v string) bool { return trelloIDPattern.MatchString(v) }

func trelloPosition(v string) bool {
	f, err := strconv.ParseFloat(v, 64)
	return v == "top" || v == "bottom" || err == nil && f > 0
}

// trelloRefusal is an answer that is no success. Trello says most of them in plain text.
type trelloRefusal struct {
	status int
	text   string
}

func (e *trelloRefusal) Error() string { return fmt.Sprintf("%d %s", e.status, e.text) }

var (
	errTrelloAbsent = &trelloRefusal{http.StatusNotFound, "The requested resource was not found."}
	errTrelloID     = &trelloRefusal{http.StatusBadRequest, "invalid id"}
)

// allowed are the parameters of a request, of its address and its form, if the rule allows them all. What it does not allow
// is a mistake of the client, which the test is told of.
func (k *Kanban) allowed(rule trelloRule, r *http.Request) (url.Values, error) {
	wrong := func(format string, args ...any) error {
		text := fmt.Sprintf(format, args...)
		k.t.Errorf("trello: %s %s: %s", r.Method, r.URL.Path, text)
		return &trelloRefusal{http.StatusBadRequest, text}
	}
	if err := r.ParseForm(); err != nil {
		return nil, wrong("%v", err)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); r.ContentLength > 0 && kind != "application/x-www-form-urlencoded" {
		return nil, wrong("a body of the kind %q", kind)
	}
	for name, values := range r.Form {
		holds := rule.parameters[name]
		if holds == nil {
			holds = rule.parameters["!"+name]
		}
		switch {
		case holds == nil:
			return nil, wrong("there is no parameter %s", name)
		case len(values) != 1:
			return nil, wrong("the parameter %s is there %d times", name, len(values))
		case !holds(values[0]):
			return nil, wrong("invalid value for %s", name)
		}
	}
	for name := range rule.parameters {
		if required, ok := strings.CutPrefix(name, "!"); ok && !r.Form.Has(required) {
			return nil, wrong("the parameter %s is missing", required)
		}
	}
	return r.Form, nil
}

var trelloHeader = regexp.MustCompile(`^OAuth oauth_consumer_key="([^"]*)", oauth_token="([^"]*)"$`)

// known checks the credentials.
func (k *Kanban) known(r *http.Request) error {
	if query := r.URL.Query(); query.Has("key") || query.Has("token") {
		k.t.Errorf("trello: %s %s: there are credentials in the address", r.Method, r.URL.Path)
	}
	m := trelloHeader.FindStringSubmatch(r.Header.Get("Authorization"))
	switch {
	case m == nil || m[1] != k.Key:
		return &trelloRefusal{http.StatusUnauthorized, "invalid key"}
	case m[2] != k.Token:
		return &trelloRefusal{http.StatusUnauthorized, "invalid token"}
	}
	return nil
}

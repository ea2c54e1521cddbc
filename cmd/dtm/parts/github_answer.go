package parts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// A hubAnswer is what a request is answered with. Bytes are sent as they are.
type hubAnswer struct {
	status int
	body   any
}

// A refusal is an answer that says no.
type refusal struct {
	status  int
	message string
	errors  []any
	url     string // where else to look, for a redirect
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}

// invalid refuses because of a field, as in "Reference", "ref", "invalid".
func invalid(resource, field, code, message string) error {
	return &refusal{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{
		map[string]any{"resource": resource, "field": field, "code": code, "message": message},
	}}
}

// hubDocs is what errors refer to.
const hubDocs = "https://docs.github.com/rest"

var (
	errNotFound = refuse(http.StatusNotFound, "Not Found")
	errEmpty    = refuse(http.StatusConflict, "Git Repository is empty.")
	errNoAdmin  = refuse(http.StatusForbidden, "Must have admin rights to Repository.")
	errArchived = refuse(http.StatusForbidden, "Repository was archived so is read-only.")
)

func (r *refusal) answer() hubAnswer {
	body := map[string]any{"message": r.message, "documentation_url": hubDocs, "status": strconv.Itoa(r.status)}
	if r.errors != nil {
		body["errors"] = r.errors
	}
	if r.url != "" {
		body["url"] = r.url
	}
	return hubAnswer{r.status, body}
}

// send answers, and tells what is not as described. in is nil where there is no such operation.
func (c *hubCall) send(w http.ResponseWriter, in *openapi3filter.RequestValidationInput, answer hubAnswer) error {
	c.limits()
	var body []byte
	raw, isRaw := answer.body.([]byte)
	switch {
	case isRaw:
		c.header.Set("Content-Type", "application/vnd.github.raw+json; charset=utf-8")
		body = raw
	case answer.body != nil:
		c.header.Set("Content-Type", "application/json; charset=utf-8")
		var out bytes.Buffer
		text := json.NewEncoder(&out)
		text.SetEscapeHTML(false)
		if err := text.Encode(answer.body); err != nil {
			return err
		}
		body = out.Bytes()
	}
	w.WriteHeader(answer.status)
	if len(body) > 0 {
		if _, err := w.Write(body); err != nil {
			return err
		}
	}
	if in == nil || isRaw || answer.status >= 500 {
		return nil
	}
	return c.hub.contract.answer(in.Request.Context(), in, answer.status, c.header, body)
}

// read decodes the body.
func (c *hubCall) read(into any) error {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	return nil
}

// hubPage cuts the page that was asked for out of a list, and says where the others are.
func hubPage[T any](c *hubCall, all []T) []T {
	size := 30
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil && n > 0 {
		size = n
	}
	size = min(size, c.hub.pageSize)
	number := 1
	if n, err := strconv.Atoi(c.query.Get("page")); err == nil && n > 0 {
		number = n
	}
	last := max(1, (len(all)+size-1)/size)
	var links []string
	link := func(rel string, n int) {
		query := url.Values{}
		for name, values := range c.query {
			query[name] = values
		}
		query.Set("page", strconv.Itoa(n))
		path := "repositories/" + strconv.FormatInt(c.repo.id, 10) + hubLists[c.op]
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, c.hub.URL, path, query.Encode(), rel))
	}
	if number > 1 {
		link("prev", number-1)
	}
	if number < last {
		link("next", number+1)
		link("last", last)
	}
	if number > 1 {
		link("first", 1)
	}
	if links != nil {
		c.header.Set("Link", strings.Join(links, ", "))
	}
	start := min((number-1)*size, len(all))
	return all[start:min(start+size, len(all))]
}

// hubLists are the paths, within a repository, of what comes in pages.
var hubLists = map[string]string{
	"actions/list-repo-secrets": "/actions/secrets",
	"pulls/list":                "/pulls",
	"repos/list-branches":       "/branches",
}

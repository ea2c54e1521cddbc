package parts

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// serveAPI writes down what came, breaks it where that is wished for, and answers.
func (h *Hub) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it has gone already
	}
	fault, done := h.watch.came(h, r, false)
	defer done()
	if fault != nil && fault.Slow {
		select {
		case <-fault.healed:
		case <-r.Context().Done():
			return
		}
		fault = nil
	}
	if fault != nil && !fault.After && !fault.Half {
		fault.answer(w)
		return
	}
	// Who goes away in the middle does not undo what has begun.
	reply := httptest.NewRecorder()
	h.answer(reply, r, body)
	switch {
	case fault == nil:
		send(w, reply, reply.Body.Bytes())
	case fault.Half:
		send(w, reply, reply.Body.Bytes()[:reply.Body.Len()/2])
		_ = http.NewResponseController(w).Flush() // or nothing of it leaves
		panic(http.ErrAbortHandler)
	default:
		fault.answer(w)
	}
}

func (h *Hub) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &hubCall{hub: h, body: body, query: r.URL.Query(), accept: r.Header.Get("Accept"), header: w.Header()}
	r, in, err := h.open(c, r)
	var answer hubAnswer
	if err == nil {
		answer, err = hubOperations()[c.op].do(c)
	}
	if no := (*refusal)(nil); errors.As(err, &no) {
		answer = no.answer()
	} else if err != nil {
		h.broken(r, "%v", err)
		answer = (&refusal{status: http.StatusInternalServerError, message: "Server Error"}).answer()
	}
	if err := c.send(w, in, answer); err != nil {
		h.broken(r, "the answer is not as described: %v", err)
	}
}

// open finds out what a request wants and whether it may.
func (h *Hub) open(c *hubCall, r *http.Request) (*http.Request, *openapi3filter.RequestValidationInput, error) {
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api/v3") // as in GitHub Enterprise
	r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/api/v3")
	r = h.byID(r)
	in, err := h.contract.request(r, c.body)
	if in == nil {
		h.broken(r, "%v", err)
		return r, nil, errNotFound
	}
	if err := c.identify(r); err != nil {
		return r, in, err
	}
	if err != nil {
		h.broken(r, "the request is not as described: %v", err)
		return r, in, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%v", err)
	}
	c.op, c.params = in.Route.Operation.OperationID, make(map[string]string)
	for name, value := range in.PathParams {
		if c.params[name], err = url.PathUnescape(value); err != nil {
			return r, in, err
		}
	}
	op := hubOperations()[c.op]
	if op.signed && c.token == nil {
		return r, in, refuse(http.StatusUnauthorized, "Requires authentication")
	}
	if op.needs == nobody {
		return r, in, nil
	}
	var moved bool
	full := c.params["owner"] + "/" + c.params["repo"]
	c.repo, moved = h.find(full)
	if c.repo == nil || h.role(c.token, c.repo) < reader {
		return r, in, errNotFound
	}
	if moved {
		rest := strings.TrimPrefix(r.URL.EscapedPath(), "/repos/"+url.PathEscape(c.params["owner"])+"/"+url.PathEscape(c.params["repo"]))
		return r, in, c.redirect(r, rest)
	}
	return r, in, c.allowed(op)
}

func (c *hubCall) allowed(op hubOperation) error {
	is := c.hub.role(c.token, c.repo)
	switch {
	case is < op.needs && op.hides:
		return errNotFound
	case is < op.needs:
		return errNoAdmin
	case op.shut && c.repo.archived:
		return errArchived
	case op.full && len(c.repo.heads) == 0:
		return errEmpty
	}
	return nil
}

// redirect leads from a name that a repository had to where it is whatever its name.
func (c *hubCall) redirect(r *http.Request, rest string) error {
	status := http.StatusTemporaryRedirect
	message := "Temporary Redirect"
	if r.Method == http.MethodGet {
		status, message = http.StatusMovedPermanently, "Moved Permanently"
	}
	to := c.hub.URL + "repositories/" + strconv.FormatInt(c.repo.id, 10) + rest
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	c.header.Set("Location", to)
	return &refusal{status: status, message: message, url: to}
}

// byID makes a request for a repository by its number into one by its name. GitHub leads there, but does not describe it.
func (h *Hub) byID(r *http.Request) *http.Request {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/repositories/")
	if !ok {
		return r
	}
	number, rest, within := strings.Cut(path, "/")
	if within {
		rest = "/" + rest
	}
	for _, repo := range h.repos {
		if strconv.FormatInt(repo.id, 10) == number {
			r = r.Clone(r.Context())
			to, err := url.Parse("/repos/" + repo.fullName() + rest)
			if err == nil {
				r.URL.Path, r.URL.RawPath = to.Path, to.RawPath
			}
		}
	}
	return r
}

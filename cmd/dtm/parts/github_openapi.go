package parts

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// githubDescription is what GitHub itself publishes of its interface, as far as the stand-in offers it. The folder's
// program makes it.
//
//go:embed openapi/github.json
var githubDescription []byte

// A contract holds requests and answers against a description.
type contract struct {
	doc    *openapi3.T
	router routers.Router
}

var githubContract = sync.OnceValues(func() (*contract, error) { return newContract(githubDescription) })

func newContract(description []byte) (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // whatever host it came to
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			loosen(op)
		}
	}
	for _, path := range doc.Paths.InMatchingOrder() {
		// Files, branches and references have slashes in them, and a repository's root is the file "".
		wide := strings.NewReplacer("{path}", "{path:.*}", "{ref}", "{ref:.+}", "{branch}", "{branch:.+}").Replace(path)
		if wide != path {
			doc.Paths.Set(wide, doc.Paths.Value(path))
			doc.Paths.Delete(path)
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	return &contract{doc: doc, router: router}, nil
}

// loosen lets an error be described in two ways at once: GitHub's are one of several whose fields may all be missing, so that
// none is ever only one of them.
func loosen(op *openapi3.Operation) {
	for status, answer := range op.Responses.Map() {
		for _, media := range answer.Value.Content {
			if s := media.Schema.Value; status >= "400" && len(s.OneOf) > 0 {
				s.OneOf, s.AnyOf = nil, s.OneOf
			}
		}
	}
}

// operations are the names of all that there is.
func (c *contract) operations() []string {
	var all []string
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			all = append(all, op.OperationID)
		}
	}
	return all
}

// request finds the operation that a request is for, and what is wrong with it.
func (c *contract) request(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		return nil, fmt.Errorf("the description has no such operation: %w", err)
	}
	if path, ok := params["path"]; ok && path == "" {
		params["path"] = "/" // an empty one counts as missing
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{
		Request:    r,
		PathParams: params,
		Route:      route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
		},
	}
	return in, openapi3filter.ValidateRequest(r.Context(), in)
}

// answer tells what is wrong with an answer. Errors that any operation may end with are not listed with each, but have to
// look as all errors do.
func (c *contract) answer(ctx context.Context, in *openapi3filter.RequestValidationInput, status int, header http.Header, body []byte) error {
	if status >= 400 && status < 500 && in.Route.Operation.Responses.Status(status) == nil {
		var said any
		if err := json.Unmarshal(body, &said); err != nil {
			return err
		}
		return c.doc.Components.Schemas["basic-error"].Value.VisitJSON(said)
	}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in,
		Status:                 status,
		Header:                 header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                in.Options,
	})
}

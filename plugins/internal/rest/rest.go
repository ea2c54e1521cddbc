// Package rest makes requests to a server that speaks JSON, for the few services that are asked too little to be worth a
// library of their own.
//
// Credentials go into a header, never into an address, and to one server: an answer that sends the client to another
// address is an error. No error has a credential in it, whatever a server says.
package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/devstream-io/dtm/plugins"
)

const (
	// maxAnswer is more than any answer that is asked for has, in bytes.
	maxAnswer = 32 << 20
	// patience is how often a request that came too early is made again.
	patience = 3
	// again is how long to wait for that where the server does not say.
	again = 10 * time.Second
)

// Server is a server as one user sees it. It is safe for use by many goroutines and is not changed once it is used.
type Server struct {
	// Name begins every error, as in "trello".
	Name string
	// Base is what paths are appended to. See [Base].
	Base string
	// Source says in hints where Base comes from, as in "TRELLO_API_URL".
	Source string
	// HTTP makes the requests. Its CheckRedirect does not count.
	HTTP *http.Client
	// Authorization is the header of that name.
	Authorization string
	// Secrets are the values in Authorization that nobody is to see.
	Secrets []string
	// Hint says what the user can do about an answer that is no success, "" for nothing.
	Hint func(code int, said string) string
	// Pace is how many requests may be made, nil for any number.
	Pace *rate.Limiter
}

// Base is an address without a slash at its end, if it is one of a server and has no credentials in it. what names it in the
// error, which does not show it.
func Base(what, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", plugins.Hinted(fmt.Errorf("%s is not a URL as in https://example.com", what),
			"it has no user, no password and no parameters in it: credentials come from the environment")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// Call makes one request and decodes the answer into into, unless that is nil. Parameters of a GET stand in the address, those
// of other methods are a form. A request that is refused because there were too many is made again when it may be.
//
// Errors wrap [plugins.ErrNotFound] where there is no such thing, are [plugins.Retryable] where that may pass, and have a hint
// where the user can act.
func (s *Server) Call(ctx context.Context, method, path string, parameters url.Values, into any) error {
	for try := 1; ; try++ {
		err := s.once(ctx, method, path, parameters, into)
		var limit *limited
		if !errors.As(err, &limit) || try > patience {
			return err
		}
		plugins.Report(ctx, fmt.Sprintf("throttled: %s asks to wait %s", s.host(), limit.after))
		timer := time.NewTimer(limit.after)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s: %s %s: %w", s.Name, method, path, ctx.Err())
		case <-timer.C:
		}
	}
}

func (s *Server) once(ctx context.Context, method, path string, parameters url.Values, into any) error {
	failed := func(err error) error { return fmt.Errorf("%s: %s %s: %w", s.Name, method, path, err) }
	if s.Pace != nil {
		if err := s.Pace.Wait(ctx); err != nil {
			if ctx.Err() == nil {
				err = context.DeadlineExceeded // it would be over before the request may be made
			}
			return failed(err)
		}
	}
	// A description is longer than what some take for an address, so what is written goes as a form.
	address, form := s.Base+path, ""
	if method == http.MethodGet && len(parameters) > 0 {
		address += "?" + parameters.Encode()
	} else {
		form = parameters.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form))
	if err != nil {
		return failed(errors.New("there is no such address"))
	}
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", s.Authorization)
	client := *s.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return failed(s.unreachable(ctx, err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return failed(s.unreachable(ctx, err))
	}
	if err := s.refused(response, body); err != nil {
		return failed(err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		// What stands between is at fault as a rule, and not for long.
		return plugins.Retryable(failed(errors.New("the answer is not what was asked for")), 0)
	}
	return nil
}

// unreachable is a request that got no answer, or half of one.
func (s *Server) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // it would say the address once more, with every parameter
	}
	return plugins.Retryable(plugins.Hinted(fmt.Errorf("%s does not answer: %w", s.host(), err),
		"is there a connection, and is "+s.Source+" right if it is set?"), 0)
}

func (s *Server) host() string {
	host := s.Base
	if u, err := url.Parse(s.Base); err == nil {
		host = u.Host
	}
	return host
}

// refused is what an answer says that is no success, nil if it is one.
func (s *Server) refused(response *http.Response, body []byte) error {
	code := response.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := &statusError{code: code, said: s.said(body)}
	switch {
	case code == http.StatusNotFound:
		return &absent{err}
	case code == http.StatusTooManyRequests:
		return &limited{err: err, after: wait(response)}
	case code >= 500:
		return plugins.Retryable(err, 0)
	case code >= 300 && code < 400:
		return plugins.Hinted(err, s.host()+" sends requests elsewhere, and credentials are not sent after them: is "+s.Source+" right?")
	}
	if s.Hint != nil {
		if hint := s.Hint(code, err.said); hint != "" {
			return plugins.Hinted(err, hint)
		}
	}
	return err
}

// said is what a body says, on one line and without credentials, should it have any.
func (s *Server) said(body []byte) string {
	text := strings.TrimSpace(string(body))
	var answer struct {
		Message  string   `json:"message"`
		Error    string   `json:"error"`
		Messages []string `json:"errorMessages"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.Message+answer.Error+strings.Join(answer.Messages, "") != "" {
		text = strings.TrimSpace(answer.Message + " " + answer.Error + " " + strings.Join(answer.Messages, "; "))
	}
	for _, secret := range s.Secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	return text
}

// wait is how long to wait before the next request. Not every server says so.
func wait(response *http.Response) time.Duration {
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds >= 0 && seconds <= 900 {
		return time.Duration(seconds) * time.Second
	}
	return again
}

// statusError is an answer that is no success.
type statusError struct {
	code int
	said string
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%d %s", e.code, http.StatusText(e.code))
	if e.said != "" {
		text += ": " + e.said
	}
	return text
}

// absent is what a server says of what is not there.
type absent struct{ err error }

func (e *absent) Error() string   { return e.err.Error() }
func (e *absent) Unwrap() []error { return []error{e.err, plugins.ErrNotFound} }

// limited is a request too many.
type limited struct {
	err   error
	after time.Duration
}

func (e *limited) Error() string   { return e.err.Error() }
func (e *limited) Unwrap() []error { return []error{e.err, plugins.Retryable(e.err, e.after)} }

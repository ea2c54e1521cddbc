package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/devstream-io/dtm/plugins"
)

// direct asks a handler without a network, so that waiting takes no time in a bubble.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	reply := httptest.NewRecorder()
	d.ServeHTTP(reply, r)
	return reply.Result(), nil
}

const secret = "s3cret-t0ken"

func server(transport http.RoundTripper) *Server {
	return &Server{
		Name: "toy", Base: "https://toy.example/api", Source: "TOY_URL", HTTP: &http.Client{Transport: transport},
		Authorization: "Bearer " + secret, Secrets: []string{secret},
		Hint: func(code int, said string) string {
			if code == http.StatusUnauthorized {
				return "is it right? it says: " + said
			}
			return ""
		},
	}
}

func hint(err error) string {
	var h interface{ Hint() string }
	if !errors.As(err, &h) {
		return ""
	}
	return h.Hint()
}

func TestParametersStandInTheAddressOfAGetAndInAFormOtherwise(t *testing.T) {
	var got []string
	s := server(direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body)+" "+r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `{"n":1}`)
	})})
	var answer struct{ N int }
	parameters := url.Values{"a": {"b c&d"}}
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		if err := s.Call(t.Context(), method, "/x", parameters, &answer); err != nil || answer.N != 1 {
			t.Errorf("%v, %v", answer, err)
		}
	}
	want := []string{
		"GET https://toy.example/api/x?a=b+c%26d   Bearer " + secret,
		"PUT https://toy.example/api/x application/x-www-form-urlencoded a=b+c%26d Bearer " + secret,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the requests are %q", got)
	}
}

func TestEveryAnswerThatIsNoSuccessIsAnErrorWithoutASecret(t *testing.T) {
	for name, m := range map[string]struct {
		status        int
		body          string
		text, hint    string
		passing, gone bool
	}{
		"plain text":       {status: 400, body: "wrong\n  " + secret, text: "toy: GET /x: 400 Bad Request: wrong ***"},
		"JSON":             {status: 400, body: `{"message":"no","error":"E_NO"}`, text: "400 Bad Request: no E_NO"},
		"JSON of Jira":     {status: 400, body: `{"errorMessages":["a","b"],"errors":{}}`, text: "400 Bad Request: a; b"},
		"a long page":      {status: 502, body: strings.Repeat("x", 1000), text: strings.Repeat("x", 200) + "…", passing: true},
		"not there":        {status: 404, text: "404 Not Found", gone: true},
		"a stranger":       {status: 401, body: "who?", text: "401 Unauthorized: who?", hint: "is it right? it says: who?"},
		"elsewhere":        {status: 301, text: "301 Moved Permanently", hint: "toy.example sends requests elsewhere, and credentials are not sent after them: is TOY_URL right?"},
		"something else":   {status: 200, body: "<html>", text: "the answer is not what was asked for", passing: true},
		"nothing to speak": {status: 418, text: "418 I'm a teapot"},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(direct{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://elsewhere.example/")
				w.WriteHeader(m.status)
				_, _ = io.WriteString(w, m.body)
			})})
			err := s.Call(t.Context(), http.MethodGet, "/x", nil, &struct{}{})
			if err == nil || !strings.Contains(err.Error(), m.text) || strings.Contains(err.Error(), secret) || hint(err) != m.hint {
				t.Errorf("%v; hint %q", err, hint(err))
			}
			if _, ok := plugins.RetryAfter(err); ok != m.passing || errors.Is(err, plugins.ErrNotFound) != m.gone {
				t.Errorf("may pass = %t, not found = %t", ok, errors.Is(err, plugins.ErrNotFound))
			}
		})
	}
}

// broken fails every request with an error that has the address in it, as net/http does.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestARequestWithoutAnAnswerMayBeMadeAgain(t *testing.T) {
	err := server(broken{io.ErrUnexpectedEOF}).Call(t.Context(), http.MethodGet, "/x", url.Values{"q": {"private"}}, nil)
	if _, ok := plugins.RetryAfter(err); !ok || err.Error() != "toy: GET /x: toy.example does not answer: unexpected EOF" || !strings.Contains(hint(err), "TOY_URL") {
		t.Errorf("%v; hint %q", err, hint(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := server(broken{io.EOF})
	for _, s.Pace = range []*rate.Limiter{nil, rate.NewLimiter(1, 1)} {
		err = s.Call(ctx, http.MethodGet, "/x", nil, nil)
		if _, ok := plugins.RetryAfter(err); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled request ends with %v", err)
		}
	}
}

func TestABaseHasNoCredentialsAndNoSlashAtItsEnd(t *testing.T) {
	for _, address := range []string{"", "toy.example", "ftp://toy.example", "https://u:" + secret + "@h", "https://h/?token=" + secret, "https://h/#x", "https://", "https://h/%zz"} {
		if base, err := Base("it", address); err == nil || strings.Contains(err.Error(), secret) || hint(err) == "" {
			t.Errorf("%s: %q, %v", address, base, err)
		}
	}
	for _, address := range []string{"https://h:1/a", "https://h:1/a/", "https://h:1/a//"} {
		if base, err := Base("it", address); err != nil || base != "https://h:1/a" {
			t.Errorf("%s: %q, %v", address, base, err)
		}
	}
}

func TestALimitIsWaitedForAndReported(t *testing.T) {
	for name, m := range map[string]struct {
		refusals int
		after    string
		took     time.Duration
		ok       bool
	}{
		"without a header": {refusals: 1, took: 10 * time.Second, ok: true},
		"with a header":    {refusals: 2, after: "3", took: 6 * time.Second, ok: true},
		"without an end":   {refusals: 100, took: 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				s := server(direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if asked++; asked <= m.refusals {
						if m.after != "" {
							w.Header().Set("Retry-After", m.after)
						}
						w.WriteHeader(http.StatusTooManyRequests)
						return
					}
					_, _ = io.WriteString(w, `{"id":"me"}`)
				})})
				var said []string
				ctx := plugins.WithReport(t.Context(), func(text string) { said = append(said, text) })
				start := time.Now()
				err := s.Call(ctx, http.MethodGet, "/me", nil, nil)
				if (err == nil) != m.ok || time.Since(start) != m.took {
					t.Errorf("after %s: %v", time.Since(start), err)
				}
				if len(said) == 0 || !strings.HasPrefix(said[0], "throttled: ") {
					t.Errorf("it says %q", said)
				}
				if after, ok := plugins.RetryAfter(err); !m.ok && (!ok || after != 10*time.Second) {
					t.Errorf("%v may not pass, or after %s", err, after)
				}
			})
		})
	}
}

package trello

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func service(t *testing.T, k *parts.Kanban, set map[string]string) *Service {
	env := plugintest.Env(t.TempDir())
	env.HTTP.Transport = &http.Transport{DisableKeepAlives: true} // or it would ask again by itself
	env.Getenv = func(name string) string {
		if value, ok := set[name]; ok {
			return value
		}
		return k.Getenv(name)
	}
	return New(env)
}

func open(t *testing.T, k *parts.Kanban) *Client {
	t.Helper()
	c, err := service(t, k, nil).Open(t.Context(), "", Usual())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if !errors.As(err, &h) {
		return ""
	}
	return h.Hint()
}

func TestCredentialsAreAskedForBeforeAnythingIsSent(t *testing.T) {
	k := parts.Trello(t)
	for _, set := range []map[string]string{
		{KeyVariable: ""}, {TokenVariable: ""}, {TokenVariable: "a\"b"}, {KeyVariable: "a\nb"},
	} {
		if _, err := service(t, k, set).Open(t.Context(), "", Usual()); err == nil || hintOf(err) == "" {
			t.Errorf("%v: %v, hint %q", set, err, hintOf(err))
		}
	}
}

func TestTheURLOfTheAPIIsOneAndCarriesNoCredentials(t *testing.T) {
	k := parts.Trello(t)
	for _, base := range []string{"api.trello.com", "ftp://api.trello.com", "https://u:s3cret@h", "https://h/?token=s3cret", "https://", "https://h/%zz"} {
		_, err := service(t, k, nil).Open(t.Context(), base, Usual())
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", base, err)
		}
	}
	for base, want := range map[string]string{
		"": k.URL + "/1", "https://h": "https://h/1", "https://h/": "https://h/1", "https://h/1/": "https://h/1", "https://h/trello": "https://h/trello/1",
	} {
		if got, err := service(t, k, nil).Base(base); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", base, got, err, want)
		}
	}
	if got, err := service(t, k, map[string]string{URLVariable: ""}).Base(""); err != nil || got != "https://api.trello.com/1" {
		t.Errorf("without anything it is %q, %v", got, err)
	}
}

func TestEveryAnswerIsAnErrorThatSaysWhatToDo(t *testing.T) {
	k := parts.Trello(t)
	c := open(t, k)
	for name, m := range map[string]struct {
		fault         parts.Trouble
		text, hint    string
		passing, gone bool
	}{
		"a truncated answer": {fault: parts.Trouble{Short: true}, text: "not what was asked for", passing: true},
		"no connection":      {fault: parts.Trouble{Cut: true}, text: "trello: GET /boards/x: " + strings.TrimPrefix(k.URL, "http://") + " does not answer: EOF", hint: URLVariable, passing: true},
		"half an answer":     {fault: parts.Trouble{Half: true}, text: "unexpected EOF", passing: true},
		"a server in need":   {fault: parts.Trouble{Status: 503, Body: "<html>\n  later"}, text: "503 Service Unavailable: <html> later", passing: true},
		"a wrong token":      {fault: parts.Trouble{Status: 401, Body: "invalid token"}, text: "401 Unauthorized: invalid token", hint: TokenVariable},
		"no right":           {fault: parts.Trouble{Status: 401, Body: "unauthorized permission requested"}, text: "401", hint: "member of the board"},
		"a redirect":         {fault: parts.Trouble{Status: 307, Header: map[string]string{"Location": "https://example.com/"}}, text: "307 Temporary Redirect", hint: "credentials are not sent after them"},
		"another answer":     {fault: parts.Trouble{Status: 200, Body: "<html>hello"}, text: "not what was asked for", passing: true},
		"a mistake of ours":  {fault: parts.Trouble{Status: 400, Body: `{"message":"invalid","error":"E"}`}, text: "400 Bad Request: invalid E"},
		"a board that isn't": {fault: parts.Trouble{Status: 404, Body: "The requested resource was not found."}, text: "404", gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			heal := k.Fail(1, m.fault)
			id := "64a0b1c2d3e4f5a6b7000001"
			if m.fault.Half || m.fault.Short {
				id = k.AddBoard("a", "")
			}
			_, err := c.Board(t.Context(), id)
			if !heal() || err == nil {
				t.Fatalf("no error: %v", err)
			}
			text := strings.ReplaceAll(err.Error(), id, "x")
			if !strings.Contains(text, m.text) || !strings.Contains(hintOf(err), m.hint) {
				t.Errorf("%s; hint %q", text, hintOf(err))
			}
			if _, ok := plugins.RetryAfter(err); ok != m.passing {
				t.Errorf("may pass = %t", ok)
			}
			if errors.Is(err, plugins.ErrNotFound) != m.gone {
				t.Errorf("not found = %t", !m.gone)
			}
		})
	}
}

func TestACancelledRequestEndsAsSuch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, parts.Trello(t)).Me(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// direct asks a handler without a network, so that waiting takes no time in a bubble.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	reply := httptest.NewRecorder()
	d.ServeHTTP(reply, r)
	return reply.Result(), nil
}

func bubble(t *testing.T, handler http.HandlerFunc) *Client {
	env := plugintest.Env("/")
	env.Getenv = func(name string) string {
		return map[string]string{KeyVariable: "k", TokenVariable: "t"}[name]
	}
	env.HTTP.Transport = direct{handler}
	c, err := New(env).Open(t.Context(), "", Usual())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Two plugins may use one token at the same time.
func TestAServiceMakesHalfOfTheRequestsThatTrelloAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		c := bubble(t, func(w http.ResponseWriter, r *http.Request) {
			times = append(times, time.Now())
			_, _ = io.WriteString(w, `{}`)
		})
		for range 150 {
			if _, err := c.Me(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i := 50; i < len(times); i++ {
			if times[i].Sub(times[i-50]) < 10*time.Second {
				t.Fatalf("requests %d to %d were made within %s", i-50, i, times[i].Sub(times[i-50]))
			}
		}
	})
}

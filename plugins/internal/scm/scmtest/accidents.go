package scmtest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// soon is far longer than anything needs to notice that its ctx is done, on the slowest machine.
const soon = time.Minute

func accidentPromises() []promise {
	return []promise{
		{"what is cancelled sends nothing and says so", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			before, _ := w.Count()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			for verb, do := range w.verbs(ctx, path) {
				mustBe(t, verb, do(), context.Canceled)
			}
			if after, _ := w.Count(); after != before {
				t.Errorf("%d requests were sent", after-before)
			}
		}},
		{"what waits for an answer ends with its ctx", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			for verb := range w.verbs(t.Context(), path) {
				ctx, cancel := context.WithCancel(t.Context())
				heal := w.Fail(Fault{N: 1, Silent: true})
				silenced, ended := w.Silenced(), make(chan error, 1)
				go func() { ended <- w.verbs(ctx, path)[verb]() }()
				<-silenced
				cancel()
				select {
				case err := <-ended:
					mustBe(t, verb, err, context.Canceled)
				case <-time.After(soon):
					t.Fatalf("%s has not ended %v after its ctx", verb, soon)
				}
				heal()
			}
		}},
		{"errors say what was tried and where, and never the token", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			for _, fault := range []struct {
				what      string
				fault     Fault
				retryable bool
				hinted    bool
			}{
				{"no connection", Fault{}, true, true},
				{"lost answer", Fault{After: true}, true, true},
				{"half an answer", Fault{Half: true}, true, true},
				{"500", Fault{Answer: Answer(500, `{"message": "`+w.Token+` boom"}`)}, true, false},
				{"502", Fault{Answer: Answer(502, `<html>`+w.Token+`</html>`, "Content-Type", "text/html")}, true, false},
				{"503", Fault{Answer: Answer(503, ``)}, true, false},
				{"401", Fault{Answer: Answer(401, `{"message": "Bad credentials `+w.Token+`"}`)}, false, true},
				{"403", Fault{Answer: Answer(403, `{"message": "You may not, `+w.Token+`"}`)}, false, true},
				{"400", Fault{Answer: Answer(400, `{"message": "`+w.Token+`"}`)}, false, false},
				{"no JSON", Fault{Answer: Answer(200, `<html>`+w.Token, "Content-Type", "text/html")}, false, true},
				{"another place", Fault{Answer: Answer(301, ``, "Location", "https://elsewhere.example.com/"+w.Token)}, false, true},
				{"a circle", Fault{Answer: Answer(307, ``, "Location", "/again")}, false, false},
			} {
				for verb, do := range w.verbs(t.Context(), path) {
					if verb == "read" && fault.what == "no JSON" || verb == "delete" || strings.HasPrefix(verb, "delete") && fault.what == "no JSON" || verb == "create" {
						// What is read is anything at all, and nobody reads what comes after a 200 to a DELETE.
						continue
					}
					fault.fault.N, fault.fault.Every = 1, true
					heal := w.Fail(fault.fault)
					err := do()
					name := verb + ", " + fault.what
					w.tells(t, name, err)
					if retryable(err) != fault.retryable {
						t.Errorf("%s: retryable is %t: %v", name, retryable(err), err)
					}
					var hint interface{ Hint() string }
					if fault.hinted && !errors.As(err, &hint) {
						t.Errorf("%s: no hint: %v", name, err)
					}
					for _, request := range w.Last() {
						if strings.Contains(request.Host, "elsewhere") {
							t.Errorf("%s: %v was sent", name, request)
						}
					}
					heal()
				}
			}
		}},
		{"what is throttled for a moment is tried again", func(t *testing.T, w *world) {
			for _, status := range []int{http.StatusTooManyRequests, http.StatusForbidden} {
				path := w.begun(t, map[string]string{"a": "a"})
				for n := 1; ; n++ {
					heal := w.Fail(Fault{N: n, Answer: Answer(status, `{"message": "You have exceeded a secondary rate limit"}`, "Retry-After", "0")})
					must(t, "commit", w.ensure(t.Context(), path, "main", "more", map[string]string{"a": "b" + strings.Repeat("b", n)}))
					if !heal() {
						break
					}
				}
			}
		}},
		{"what is throttled for long is an error that says for how long, and nothing more is sent", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			heal := w.Fail(Fault{N: 1, Answer: Answer(http.StatusTooManyRequests, `{"message": "slow down"}`, "Retry-After", "7200")})
			_, err := w.host.Repository(t.Context(), path)
			if !heal() {
				t.Fatal("nothing was sent")
			}
			before, _ := w.Count()
			for range 2 {
				w.tells(t, "throttled", err)
				if after, ok := plugins.RetryAfter(err); !ok || after < 7000*time.Second || after > 7300*time.Second {
					t.Errorf("retry after %v, %t: %v", after, ok, err)
				}
				_, err = w.host.Create(t.Context(), scm.Path{Owner: w.User, Name: "throttled"}, scm.Settings{})
			}
			if after, _ := w.Count(); after != before {
				t.Errorf("%d requests were sent", after-before)
			}
		}},
	}
}

package scm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// clerk answers requests one after another as told, and then with 200.
type clerk struct {
	answers []func() *http.Response

	mu   sync.Mutex
	came []string
	at   []time.Time
}

func (c *clerk) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		all, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(all)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came, c.at = append(c.came, strings.TrimSpace(r.Method+" "+body)), append(c.at, time.Now())
	answer := said(200, "")
	if len(c.answers) > 0 {
		answer, c.answers = c.answers[0], c.answers[1:]
	}
	return answer(), nil
}

// said is an answer with headers, given as name, value, name, value, at the time when it is given.
func said(status int, text string, headers ...string) func() *http.Response {
	return func() *http.Response {
		h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
		for i := 0; i+1 < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}
	}
}

// ask sends a request within limits, and hears what is reported.
func ask(ctx context.Context, l *limits, c *clerk, method, body string) (status int, reports []string, err error) {
	ctx = plugins.WithReport(ctx, func(text string) { reports = append(reports, text) })
	r, err := http.NewRequestWithContext(ctx, method, "http://host.example.com/", strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	response, err := l.over(c).RoundTrip(r)
	if err != nil {
		return 0, reports, err
	}
	return response.StatusCode, reports, response.Body.Close()
}

func in(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }

func TestAShortLimitIsWaitedForAndReported(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		answer func() func() *http.Response
		wait   time.Duration
	}{
		"secondary with a time": {"POST", func() func() *http.Response { return said(403, `{}`, "Retry-After", "30") }, 30 * time.Second},
		"too many requests":     {"PATCH", func() func() *http.Response { return said(429, `{}`, "Retry-After", "60") }, time.Minute},
		"secondary without a time": {"POST", func() func() *http.Response {
			return said(403, `{"message": "You have exceeded a secondary rate limit."}`)
		}, time.Minute},
		"an older secondary": {"PUT", func() func() *http.Response {
			return said(403, `{"documentation_url": "https://x/#abuse-rate-limits"}`)
		}, time.Minute},
		"a date": {"GET", func() func() *http.Response {
			return said(429, ``, "Retry-After", time.Now().Add(7*time.Second).UTC().Format(http.TimeFormat))
		}, 7 * time.Second},
		"the primary one": {"GET", func() func() *http.Response {
			return said(403, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(20*time.Second))
		}, 21 * time.Second},
		"the primary one as a 429": {"GET", func() func() *http.Response {
			return said(429, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(20*time.Second))
		}, 21 * time.Second},
		"GitLab's": {"DELETE", func() func() *http.Response {
			return said(429, ``, "RateLimit-Remaining", "0", "RateLimit-Reset", in(9*time.Second))
		}, 10 * time.Second},
		"a service that rests": {"GET", func() func() *http.Response { return said(503, ``, "Retry-After", "5") }, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &clerk{answers: []func() *http.Response{test.answer()}}
				began := time.Now()
				status, reports, err := ask(t.Context(), newLimits("host", false, time.Now), c, test.method, "all of it")
				if err != nil || status != 200 {
					t.Fatalf("%d, %v", status, err)
				}
				if want := []string{test.method + " all of it", test.method + " all of it"}; !slices.Equal(c.came, want) {
					t.Errorf("sent %q", c.came)
				}
				if got := time.Since(began); got != test.wait {
					t.Errorf("waited %v, want %v", got, test.wait)
				}
				if want := []string{fmt.Sprintf("throttled: host takes requests again in %s", test.wait)}; !slices.Equal(reports, want) {
					t.Errorf("reported %q, want %q", reports, want)
				}
			})
		})
	}
}

func TestTheServicesClockIsWhatItReckonsWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		an := time.Now().Add(-3 * time.Hour)
		c := &clerk{answers: []func() *http.Response{said(403, `{}`, "Date", an.UTC().Format(http.TimeFormat),
			"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(an.Add(10*time.Second).Unix(), 10))}}
		began := time.Now()
		if _, _, err := ask(t.Context(), newLimits("host", false, time.Now), c, "GET", ""); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(began); got != 11*time.Second {
			t.Errorf("waited %v", got)
		}
	})
}

func TestALongLimitIsAnErrorThatSaysWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits("host", false, time.Now)
		c := &clerk{answers: []func() *http.Response{said(403, `{}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(time.Hour))}}
		for range 3 {
			_, _, err := ask(t.Context(), l, c, "GET", "")
			after, ok := plugins.RetryAfter(err)
			var hint interface{ Hint() string }
			if !ok || after != time.Hour+time.Second || !errors.As(err, &hint) {
				t.Errorf("%v, %v, %t", err, after, ok)
			}
			if want := "throttled: host takes no more requests of this credential for 1h0m1s"; err.Error() != want {
				t.Errorf("the error is %q, want %q", err, want)
			}
		}
		if len(c.came) != 1 {
			t.Errorf("sent %q", c.came)
		}
		// Near its end it is worth waiting for.
		if err := sleep(t.Context(), time.Hour-30*time.Second); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, _, err := ask(t.Context(), l, c, "GET", ""); err != nil || time.Since(began) != 31*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestTheLastRequestOfAPeriodStopsTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits("host", false, time.Now)
		c := &clerk{answers: []func() *http.Response{said(200, ``, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(40*time.Second))}}
		began := time.Now()
		for _, want := range []time.Duration{0, 41 * time.Second} {
			if _, _, err := ask(t.Context(), l, c, "GET", ""); err != nil || time.Since(began) != want {
				t.Errorf("%v after %v, want %v", err, time.Since(began), want)
			}
		}
	})
}

func TestWhoeverSaysLaterAndNotWhenIsGivenMoreTimeEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits("host", false, time.Now)
		c := &clerk{}
		for range 2 {
			c.answers = append(c.answers, said(403, `{"message": "secondary rate limit"}`))
		}
		_, _, err := ask(t.Context(), l, c, "POST", "x")
		if after, ok := plugins.RetryAfter(err); !ok || after != 2*time.Minute || len(c.came) != 2 {
			t.Errorf("%v, %v, sent %q", err, after, c.came)
		}
	})
	c := &clerk{}
	for range 100 {
		c.answers = append(c.answers, said(429, ``, "Retry-After", "0"))
	}
	_, _, err := ask(t.Context(), newLimits("host", false, time.Now), c, "POST", "x")
	if _, ok := plugins.RetryAfter(err); !ok || len(c.came) != maxTries {
		t.Errorf("%v, sent %q", err, c.came)
	}
}

func TestAWriteThatMayHaveBeenDoneIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{answers: []func() *http.Response{said(503, ``, "Retry-After", "5")}}
		_, _, err := ask(t.Context(), newLimits("host", false, time.Now), c, "POST", "x")
		if after, ok := plugins.RetryAfter(err); !ok || after != 5*time.Second || len(c.came) != 1 {
			t.Errorf("%v, %v, sent %q", err, after, c.came)
		}
	})
}

func TestWhatIsForbiddenIsNoLimit(t *testing.T) {
	c := &clerk{answers: []func() *http.Response{said(403, `{"message": "Must have admin rights"}`, "X-RateLimit-Remaining", "17", "X-RateLimit-Reset", in(time.Hour))}}
	status, reports, err := ask(t.Context(), newLimits("host", false, time.Now), c, "DELETE", "")
	if err != nil || status != 403 || reports != nil || len(c.came) != 1 {
		t.Errorf("%d, %q, %v", status, reports, err)
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits("host", true, time.Now)
		c := &clerk{answers: []func() *http.Response{said(429, ``, "Retry-After", "50")}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if _, _, err := ask(ctx, l, c, "POST", "x"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, _, err := ask(ctx, l, c, "POST", "x"); !errors.Is(err, context.DeadlineExceeded) || len(c.came) != 1 {
			t.Errorf("%v, sent %q", err, c.came)
		}
	})
}

func TestAPublicServiceGetsAFewWritesAtOnceAndThenOneASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLimits("host", true, time.Now), &clerk{}
		var all sync.WaitGroup
		var mu sync.Mutex
		heard := map[string]bool{}
		began := time.Now()
		for range burst + 5 {
			all.Go(func() {
				_, reports, err := ask(t.Context(), l, c, "POST", "x")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, text := range reports {
					heard[text] = true
				}
			})
		}
		all.Wait()
		if got := time.Since(began); got != 5*time.Second {
			t.Errorf("it took %v", got)
		}
		for i, at := range c.at {
			if want := time.Duration(max(0, i+1-burst)) * time.Second; at.Sub(began) != want {
				t.Errorf("write %d came after %v, want %v", i+1, at.Sub(began), want)
			}
		}
		if len(heard) != 1 || !heard["throttled: host takes one write a second"] {
			t.Errorf("heard %v", heard)
		}
		began = time.Now()
		for range 50 {
			if _, _, err := ask(t.Context(), l, c, "GET", ""); err != nil {
				t.Error(err)
			}
		}
		if got := time.Since(began); got != 0 {
			t.Errorf("reading took %v", got)
		}
	})
}

func TestAServiceThatSomebodyRunsHasNoPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLimits("host", false, time.Now), &clerk{}
		began := time.Now()
		for range 50 {
			if _, _, err := ask(t.Context(), l, c, "POST", "x"); err != nil {
				t.Error(err)
			}
		}
		if got := time.Since(began); got != 0 {
			t.Errorf("it took %v", got)
		}
	})
}

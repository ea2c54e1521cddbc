package scm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/devstream-io/dtm/plugins"
)

const (
	// patience is how long one request waits for limits, in all. After that its tool has to: others need not.
	patience = time.Minute
	// maxTries are for a service that says "later" and not when.
	maxTries = 4
	// pause is what GitHub asks for where it does not say how long.
	pause = time.Minute
	// burst is how many writes may follow one another at once before there is writeInterval between them. GitHub asks for a
	// second between the writes of those who make many, and refuses more than 80 a minute that make something.
	burst         = 10
	writeInterval = time.Second
)

// limits keep the requests of one credential to what its service allows. They are shared by all that use the credential.
//
// There is a library for this, github.com/gofri/go-github-ratelimit. As of v2.0.2 it repeats a request with a body that has
// been read already, makes every primary limit an error, however near its end is, and knows GitHub's headers alone.
type limits struct {
	host string
	now  func() time.Time
	// pace is nil where the service sets none.
	pace *rate.Limiter
	// writing has room for the one write that is under way.
	writing chan struct{}

	mu sync.Mutex
	// until is when the service takes requests again.
	until time.Time
	// strikes are how often in a row it refused without saying for how long.
	strikes int
}

// newLimits are the limits at host. public tells whether it is a service for everybody, which has a pace of its own: one
// that somebody runs has none until it says so with a 429.
func newLimits(host string, public bool, now func() time.Time) *limits {
	l := &limits{host: host, now: now, writing: make(chan struct{}, 1)}
	if public {
		l.pace = rate.NewLimiter(rate.Every(writeInterval), burst)
	}
	return l
}

// over is base within the limits. base must answer with bodies that are read already.
func (l *limits) over(base http.RoundTripper) http.RoundTripper {
	return &limited{limits: l, base: base}
}

type limited struct {
	limits *limits
	base   http.RoundTripper
}

func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.roundTrip(r)
	if err != nil && r.Body != nil {
		_ = r.Body.Close()
	}
	return response, err
}

func (l *limited) roundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if writes(r) {
		select {
		case l.limits.writing <- struct{}{}:
			defer func() { <-l.limits.writing }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := l.limits.step(ctx); err != nil {
			return nil, err
		}
	}
	left := patience
	for request, tries := r, 1; ; tries++ {
		if err := l.limits.await(ctx, &left); err != nil {
			return nil, err
		}
		response, err := l.base.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		refused, err := l.limits.learn(response)
		if err != nil || !refused {
			return response, err
		}
		if tries == maxTries || response.StatusCode == http.StatusServiceUnavailable && writes(r) {
			// A limit refuses before anything is done. What a service did that then broke down is not known.
			return nil, l.limits.refusal()
		}
		request = r.Clone(ctx)
		if r.Body != nil && r.Body != http.NoBody {
			if r.GetBody == nil {
				return nil, l.limits.refusal()
			}
			if request.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func writes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// step waits until the next write may follow the last one.
func (l *limits) step(ctx context.Context) error {
	if l.pace == nil {
		return nil
	}
	turn := l.pace.Reserve()
	if wait := turn.Delay(); wait > 0 {
		plugins.Report(ctx, "throttled: "+l.host+" takes one write a second")
		if err := sleep(ctx, wait); err != nil {
			turn.Cancel()
			return err
		}
	}
	return nil
}

// await waits until the service takes requests again, for no longer than what is left of a request's patience.
func (l *limits) await(ctx context.Context, left *time.Duration) error {
	for {
		wait := l.remaining()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case wait <= 0:
			return nil
		case wait > *left:
			return l.refusal()
		}
		*left -= wait
		plugins.Report(ctx, fmt.Sprintf("throttled: %s takes requests again in %s", l.host, seconds(wait)))
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (l *limits) remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.Sub(l.now())
}

func (l *limits) refusal() error {
	wait := max(0, l.remaining())
	return plugins.Retryable(&limitError{host: l.host, wait: wait}, wait)
}

// learn takes from an answer what it says of limits, and tells whether they are why it was refused.
func (l *limits) learn(response *http.Response) (refused bool, err error) {
	wait, spent := l.spent(response.Header)
	after, told := l.retryAfter(response.Header)
	switch response.StatusCode {
	case http.StatusTooManyRequests:
		refused = true
	case http.StatusForbidden:
		if refused = told || spent; !refused {
			refused, err = secondary(response)
		}
	case http.StatusServiceUnavailable:
		refused = told
	}
	// go-github looks at them, too, and then sends nothing until the reset, however near that is.
	response.Header.Del("X-RateLimit-Remaining")
	response.Header.Del("X-RateLimit-Reset")
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !refused:
		l.strikes = 0
	case told:
		wait = after
	case !spent:
		wait = pause << min(l.strikes, 6)
		l.strikes++
	}
	if until := l.now().Add(wait); wait > 0 && until.After(l.until) {
		l.until = until
	}
	return refused, err
}

// retryAfter is how long a service asks to wait that refused a request.
func (l *limits) retryAfter(h http.Header) (wait time.Duration, ok bool) {
	after := h.Get("Retry-After")
	if s, err := strconv.ParseInt(after, 10, 32); err == nil {
		return max(0, time.Duration(s)*time.Second), true
	}
	at, err := http.ParseTime(after)
	return max(0, at.Sub(l.date(h))), err == nil
}

// spent tells whether that was the last request of a period, and how long the next one is off.
func (l *limits) spent(h http.Header) (wait time.Duration, ok bool) {
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
		if h.Get(prefix+"Remaining") != "0" {
			continue
		}
		if reset, err := strconv.ParseInt(h.Get(prefix+"Reset"), 10, 64); err == nil {
			// Both are whole seconds, so it may be one more.
			return max(0, time.Unix(reset, 0).Sub(l.date(h))+time.Second), true
		}
	}
	return 0, false
}

// date is the service's clock, which is the one that it reckons with.
func (l *limits) date(h http.Header) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return l.now()
}

// secondary tells whether a 403 without any header about it is a limit all the same: its text says so.
func secondary(response *http.Response) (bool, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return false, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	text := strings.ToLower(string(body))
	for _, sign := range []string{"secondary rate limit", "secondary-rate-limits", "abuse detection", "abuse-rate-limits"} {
		if strings.Contains(text, sign) {
			return true, nil
		}
	}
	return false, nil
}

// sleep waits for a time, or for ctx.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seconds rounds up: to wait for a second too long is no harm.
func seconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// limitError says that a service takes no more requests for a while.
type limitError struct {
	host string
	wait time.Duration
}

func (e *limitError) Error() string {
	return fmt.Sprintf("throttled: %s takes no more requests of this credential for %s", e.host, seconds(e.wait))
}

// Hint says what the user can do about it.
func (e *limitError) Hint() string {
	return "run again then: what is done is not done twice; or use a token of another user"
}

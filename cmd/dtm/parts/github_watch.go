package parts

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A HubFault is what a [Hub] does instead of answering as it should.
type HubFault struct {
	// Match is how the requests that are counted begin, as in "PUT /repos/acme/"; all of them if it is empty.
	Match string
	// Times is how many requests in a row it is for; 0 is one, and a negative number is all that follow.
	Times int

	// After lets the request have its effect first.
	After bool
	// Status is what is answered; 0 closes the connection without a word. Message is what the answer says, Header what else
	// it has.
	Status  int
	Message string
	Header  http.Header
	// Half closes the connection in the middle of the true answer.
	Half bool
	// Slow gives the true answer, but only when the fault is healed. Who does not want to wait so long goes.
	Slow bool
}

// SecondaryLimit is what GitHub answers to who writes too fast. It asks to wait so long, or if that is nothing leaves it to
// the reader's guess.
func SecondaryLimit(status int, wait time.Duration) HubFault {
	f := HubFault{Status: status, Header: http.Header{}, Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. " +
		"For more on scraping GitHub and how it may affect your rights, please review our Terms of Service (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service)"}
	if wait > 0 {
		f.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	return f
}

func (f HubFault) answer(w http.ResponseWriter) {
	if f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	message := f.Message
	if message == "" {
		message = http.StatusText(f.Status)
	}
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	about := hubDocs
	if strings.Contains(message, "secondary rate limit") {
		about += "/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(`{"message":` + strconv.Quote(message) + `,"documentation_url":"` + about + `","status":"` + strconv.Itoa(f.Status) + `"}`)) // who has gone needs no answer
}

// A HubRequest is one that came. Nothing of a token is in it but whose it is.
type HubRequest struct {
	// Method and Path are as in "GET" and "/repos/acme/shop". Query is what comes after it.
	Method, Path, Query string
	// Host is the Host header.
	Host string
	// Git tells that it was for the repositories, and not for the interface.
	Git bool
	// Credential tells that it brought one, whether it is any good or not, and User whose it is, "" if it is unknown.
	Credential bool
	User       string
}

func (r HubRequest) String() string { return r.Method + " " + r.Path }

// hubWatch is what a hub has seen, and what is to be broken.
type hubWatch struct {
	mu       sync.Mutex
	requests []HubRequest
	running  map[string]int // writes, by token
	most     map[string]int
	plan     *hubPlan
}

// A hubPlan is a fault to come.
type hubPlan struct {
	HubFault
	wait   int // requests before it
	left   int // requests that it is for
	hit    bool
	healed chan struct{}
}

// came writes a request down, and tells how it is to fail, if it is. When it is over, done is to be called.
func (v *hubWatch) came(h *Hub, r *http.Request, git bool) (fault *hubPlan, done func()) {
	text := credential(r)
	h.mu.Lock()
	token := h.tokens[text]
	h.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	q := HubRequest{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Host: r.Host, Git: git, Credential: r.Header.Get("Authorization") != ""}
	if token != nil {
		q.User = token.user.login
	}
	v.requests = append(v.requests, q)
	done = func() {}
	if r.Method != http.MethodGet && !git {
		v.running[text]++
		v.most[text] = max(v.most[text], v.running[text])
		done = func() {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.running[text]--
		}
	}
	p := v.plan
	if git || p == nil || !strings.HasPrefix(q.String(), p.Match) {
		return nil, done
	}
	if p.wait > 0 {
		p.wait--
		return nil, done
	}
	if p.left == 0 {
		return nil, done
	}
	p.left--
	p.hit = true
	return p, done
}

func (v *hubWatch) heal() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.plan != nil {
		close(v.plan.healed)
		v.plan = nil
	}
}

// Break makes the n-th request of the interface from now on fail, counted from 1. Any earlier wish is forgotten. What heal
// returns tells whether the request came.
func (h *Hub) Break(n int, fault HubFault) (heal func() (hit bool)) {
	h.watch.heal()
	p := &hubPlan{HubFault: fault, wait: n - 1, left: fault.Times, healed: make(chan struct{})}
	if p.left == 0 {
		p.left = 1
	}
	h.watch.mu.Lock()
	defer h.watch.mu.Unlock()
	h.watch.plan = p
	return func() bool {
		h.watch.mu.Lock()
		ours, hit := h.watch.plan == p, p.hit
		h.watch.mu.Unlock()
		if ours {
			h.watch.heal()
		}
		return hit
	}
}

// Fail is [Hub.Break] with an error 500, before the request has had an effect or after.
func (h *Hub) Fail(n int, after bool) (heal func() (hit bool)) {
	return h.Break(n, HubFault{Status: http.StatusInternalServerError, Message: "this request was made to fail", After: after})
}

// Cut is [Hub.Break] without an answer. Clients silently repeat requests that only read.
func (h *Hub) Cut(n int, after bool) (heal func() (hit bool)) {
	return h.Break(n, HubFault{After: after})
}

// Seen are the requests that came so far, in the order in which they came.
func (h *Hub) Seen() []HubRequest {
	h.watch.mu.Lock()
	defer h.watch.mu.Unlock()
	return slices.Clone(h.watch.requests)
}

// Requests are those of [Hub.Seen] that were for the interface, as in "GET /repos/acme/shop".
func (h *Hub) Requests() []string {
	var all []string
	for _, r := range h.Seen() {
		if !r.Git {
			all = append(all, r.String())
		}
	}
	return all
}

// Reset forgets the requests that came so far.
func (h *Hub) Reset() {
	h.watch.mu.Lock()
	defer h.watch.mu.Unlock()
	h.watch.requests, h.watch.most = nil, make(map[string]int)
}

// WritesAtOnce is how many requests that may change something were under way at the same time, at most, with a token.
func (h *Hub) WritesAtOnce(token string) int {
	h.watch.mu.Lock()
	defer h.watch.mu.Unlock()
	return h.watch.most[token]
}

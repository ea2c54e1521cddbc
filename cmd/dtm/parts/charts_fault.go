package parts

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A Fault is what a [ChartRepo] does instead of answering.
type Fault string

const (
	// Down closes every connection without a word.
	Down Fault = "down"
	// Unavailable answers 503.
	Unavailable Fault = "unavailable"
	// Slow answers when the fault is healed, and no earlier. Who does not want to wait so long goes.
	Slow Fault = "slow"
	// Truncated closes the connection after half of the answer.
	Truncated Fault = "truncated"
	// WrongDigest has an index whose digests are not those of the archives, and layers in the registry that are not what
	// their digests say.
	WrongDigest Fault = "wrong digest"
	// Unauthorized answers 401, whoever asks.
	Unauthorized Fault = "unauthorized"
	// Gone answers 404.
	Gone Fault = "gone"
)

// Break makes requests fail until [ChartRepo.Heal]: those whose path ends with suffix (".tgz", "index.yaml"), all if it is
// empty. There is one fault at a time, the last one.
func (r *ChartRepo) Break(fault Fault, suffix string) {
	r.Heal()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault, r.suffix = fault, suffix
}

// Heal ends what [ChartRepo.Break] began.
func (r *ChartRepo) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.healed)
	r.fault, r.suffix, r.healed = "", "", make(chan struct{})
}

// ServeHTTP is how the repository answers.
func (r *ChartRepo) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, q.Method+" "+q.URL.Path)
	fault, healed := r.fault, r.healed
	if !strings.HasSuffix(q.URL.Path, r.suffix) {
		fault = ""
	}
	user, password, _ := q.BasicAuth()
	stranger := (r.user != "" || r.password != "") && (user != r.user || password != r.password)
	r.mu.Unlock()

	switch {
	case fault == Down:
		panic(http.ErrAbortHandler)
	case fault == Unavailable:
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	case fault == Gone:
		http.NotFound(w, q)
	case fault == Unauthorized || stranger:
		w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case fault == Slow:
		select {
		case <-healed:
			r.serve(w, q)
		case <-q.Context().Done():
		}
	case fault == Truncated:
		reply := httptest.NewRecorder()
		r.serve(reply, q)
		send(w, reply, reply.Body.Bytes()[:reply.Body.Len()/2])
		_ = http.NewResponseController(w).Flush() // or nothing of it leaves
		panic(http.ErrAbortHandler)
	case fault == WrongDigest:
		reply := httptest.NewRecorder()
		r.serve(reply, q)
		send(w, reply, tamper(q.URL.Path, reply.Body.Bytes()))
	default:
		r.serve(w, q)
	}
}

func (r *ChartRepo) serve(w http.ResponseWriter, q *http.Request) {
	if name, ok := strings.CutPrefix(q.URL.Path, "/repo/"); ok && name == path.Base(name) {
		r.mu.Lock() // nothing is published meanwhile
		defer r.mu.Unlock()
		http.ServeFileFS(w, q, os.DirFS(r.dir), name)
		return
	}
	r.registry.ServeHTTP(w, q)
}

// send answers with what was recorded, but for its body. What is said of the length stays what it was.
func send(w http.ResponseWriter, reply *httptest.ResponseRecorder, body []byte) {
	for name, values := range reply.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(reply.Body.Len()))
	w.WriteHeader(reply.Code)
	_, _ = w.Write(body) // who does not read it has gone
}

var digest = regexp.MustCompile(`digest: [0-9a-f]{64}`)

// tamper makes an answer into one of the same length whose digests are wrong.
func tamper(of string, body []byte) []byte {
	switch {
	case strings.HasSuffix(of, "/index.yaml"):
		return digest.ReplaceAll(body, []byte("digest: "+strings.Repeat("f", 64)))
	case strings.Contains(of, "/blobs/") && len(body) > 0:
		body[len(body)-1] ^= 1
	}
	return body
}

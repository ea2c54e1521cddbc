package helm

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// secrets are in every request of the tests below, and must be in none of the errors.
const user, password, token = "hunter-one", "hunter-two", "hunter-three"

// guarded are options with a secret wherever there may be one.
func guarded(o Options) Options {
	o.Repo.Username, o.Repo.Password = user, password
	if o.Repo.URL != "" {
		o.Repo.URL += "?token=" + token
	}
	return o
}

func discreet(t *testing.T, name string, err error) {
	t.Helper()
	all := err.Error() + " " + hintOf(err)
	for _, secret := range []string{user, password, token, "token="} {
		if strings.Contains(all, secret) {
			t.Errorf("%s: the error says %q: %s", name, secret, all)
		}
	}
	if hintOf(err) == "" {
		t.Errorf("%s: no hint: %v", name, err)
	}
}

func status(code int, retryAfter string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		http.Error(w, "the body", code)
		return true
	}
}

func TestWhatTheServerRefusesIsToldAndTriedAgainWhereThatHelps(t *testing.T) {
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	for _, k := range []struct {
		code       int
		retryAfter string
		retryable  bool
		after      time.Duration
		hint       string
	}{
		{401, "", false, 0, "repo.password"},
		{403, "", false, 0, "repo.password"},
		{404, "", false, 0, "is"},
		{410, "", false, 0, "is"},
		{418, "", false, 0, "is"},
		{408, "", true, 0, ""},
		{429, "7", true, 7 * time.Second, ""},
		{429, "Sun, 22 Nov 2026 04:00:30 GMT", true, 30 * time.Second, ""},
		{429, "Sun, 22 Nov 2026 03:00:00 GMT", true, 0, ""},
		{429, "-5", true, 0, ""},
		{429, "99999999999999999999", true, 0, ""},
		{429, "2147483647", true, time.Hour, ""},
		{429, "soon", true, 0, ""},
		{500, "", true, 0, ""},
		{503, "3", true, 3 * time.Second, ""},
	} {
		for _, part := range []string{"index", "archive", "registry's tags", "registry's manifest"} {
			s := newShelf(t)
			s.publish("1.0.0", "")
			o := guarded(s.wish(""))
			if strings.HasPrefix(part, "registry") {
				o = guarded(s.ociWish(map[bool]string{true: "1.0.0"}[strings.HasSuffix(part, "manifest")]))
			}
			refuse := status(k.code, k.retryAfter)
			s.answers(func(w http.ResponseWriter, r *http.Request) bool {
				if part == "archive" && !strings.HasSuffix(r.URL.Path, ".tgz") {
					return false
				}
				return refuse(w, r)
			})
			c := chartsWith(t, nil)
			c.env.Now = func() time.Time { return now }
			err := complaint(t.Context(), t, c, o)
			name := fmt.Sprintf("%s: %d %s", part, k.code, k.retryAfter)
			discreet(t, name, err)
			after, again := plugins.RetryAfter(err)
			if again != k.retryable || after != k.after || !strings.Contains(hintOf(err), k.hint) {
				t.Errorf("%s: retryable %v after %v: %v (%s)", name, again, after, err, hintOf(err))
			}
			if !strings.Contains(err.Error(), fmt.Sprint(k.code)) && k.code != 404 {
				t.Errorf("%s: the error does not say so: %v", name, err)
			}
			s.answers(nil)
			if v := version(t, c, o, ""); v != "1.0.0" {
				t.Errorf("%s: afterwards %s", name, v)
			}
		}
	}
}

func TestAServerThatIsDownMayComeBack(t *testing.T) {
	s := newShelf(t)
	o, oci := guarded(s.wish("")), guarded(s.ociWish(""))
	s.Close()
	for name, o := range map[string]Options{"repository": o, "registry": oci} {
		err := complaint(t.Context(), t, chartsWith(t, nil), o)
		discreet(t, name, err)
		if !retryable(err) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatBreaksOffIsNotTaken(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	for _, k := range []struct{ name, path string }{
		{"index", "/index.yaml"}, {"archive", ".tgz"}, {"tags", "/tags/list"}, {"manifest", "/manifests/1.0.0"}, {"blob", "/blobs/"},
	} {
		s.answers(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, k.path) || r.Method == http.MethodHead {
				return false
			}
			reply := httptest.NewRecorder()
			if name, ok := strings.CutPrefix(r.URL.Path, "/charts/"); ok {
				http.ServeFileFS(reply, r, os.DirFS(s.dir), name)
			} else {
				s.registry.ServeHTTP(reply, r)
			}
			for name, values := range reply.Header() {
				w.Header()[name] = values
			}
			w.Header().Set("Content-Length", fmt.Sprint(reply.Body.Len()))
			_, _ = w.Write(reply.Body.Bytes()[:reply.Body.Len()/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		o := guarded(s.wish(""))
		if k.name != "index" && k.name != "archive" {
			o = guarded(s.ociWish(""))
		}
		c := chartsWith(t, nil)
		err := complaint(t.Context(), t, c, o)
		discreet(t, k.name, err)
		if !retryable(err) {
			t.Errorf("%s: %v", k.name, err)
		}
		s.answers(nil)
		version(t, c, o, "")
	}
}

func TestWhatIsNotWhatTheIndexSaysIsNotTaken(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	var whole string
	s.index(func(text string) string {
		whole = text
		i := strings.Index(text, "digest: ") + len("digest: ")
		return text[:i] + strings.Repeat("0", 64) + text[i+64:]
	})
	c := chartsWith(t, nil)
	err := complaint(t.Context(), t, c, guarded(s.wish("")))
	discreet(t, "digest", err)
	if !strings.Contains(err.Error(), "digest") || retryable(err) {
		t.Error(err)
	}
	// Who tries again sees what the index says by now.
	s.index(func(string) string { return whole })
	version(t, c, guarded(s.wish("")), "")

	for name, index := range map[string]string{
		"HTML":       "<!DOCTYPE html>\n<html><body>Welcome</body></html>",
		"nothing":    "",
		"no version": "entries: {}\n",
		"a list":     "- a\n- b\n",
		"half":       whole[:len(whole)/2] + "\n  - }",
		"empty":      "apiVersion: v1\nentries: {}\n",
		"no address": strings.ReplaceAll(whole, "- web-1.0.0.tgz", ""),
		"a file":     strings.ReplaceAll(whole, "- web-1.0.0.tgz", "- file:///etc/passwd"),
		"no URL":     strings.ReplaceAll(whole, "- web-1.0.0.tgz", "- 'http://x:hunter-two@%zz/'"),
	} {
		s.index(func(string) string { return index })
		err := complaint(t.Context(), t, chartsWith(t, nil), guarded(s.wish("")))
		discreet(t, "an index of "+name, err)
		if retryable(err) {
			t.Errorf("an index of %s: %v", name, err)
		}
	}
}

func TestAnAnswerWithoutEndEnds(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	for _, k := range []struct{ name, path string }{
		{"index", "/index.yaml"}, {"archive", ".tgz"}, {"tags", "/tags/list"}, {"manifest", "/manifests/1.0.0"}, {"blob", "/blobs/"},
	} {
		s.answers(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, k.path) || r.Method == http.MethodHead {
				return false
			}
			for line := []byte(strings.Repeat(" ", 1<<12)); r.Context().Err() == nil; {
				if _, err := w.Write(line); err != nil {
					break
				}
			}
			return true
		})
		o := guarded(s.wish(""))
		if k.name != "index" && k.name != "archive" {
			o = guarded(s.ociWish(""))
		}
		c := chartsWith(t, nil)
		c.longestIndex, c.longestArchive = 1<<20, 1<<20
		err := complaint(t.Context(), t, c, o)
		discreet(t, k.name, err)
		if retryable(err) {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

func TestASlowServerIsLeftAtOnce(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	enough := errors.New("enough")
	for _, path := range []string{"/index.yaml", ".tgz", "/tags/list", "/manifests/1.0.0", "/blobs/"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		s.answers(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, path) {
				return false
			}
			w.Header().Set("Content-Length", "1000")
			// Whether the client sees this before it is told to stop is chance: it must be what it could go on with.
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			cancel(enough)
			<-r.Context().Done()
			return true
		})
		o := guarded(s.wish(""))
		if !strings.HasPrefix(path, "/index") && path != ".tgz" {
			o = guarded(s.ociWish(""))
		}
		err := complaint(ctx, t, chartsWith(t, nil), o)
		if !errors.Is(err, enough) || retryable(err) {
			t.Errorf("%s: %v", path, err)
		}
		if text := err.Error(); strings.Contains(text, token) || strings.Contains(text, password) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCredentialsGoToTheRepositoryAlone(t *testing.T) {
	s := newShelf(t)
	s.publish("1.0.0", "")
	var strangers atomic.Int32
	stranger := newShelf(t)
	stranger.copyOf(s, "1.0.0")
	stranger.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("a stranger was given credentials for %s", r.URL.Path)
		}
		strangers.Add(1)
		if strings.HasPrefix(r.URL.Path, "/v2/secret/") {
			// It would like to have them, too.
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return true
		}
		return false
	})
	knock := func(redirect string) {
		s.answers(func(w http.ResponseWriter, r *http.Request) bool {
			name, pass, _ := r.BasicAuth()
			if name != user || pass != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return true
			}
			if redirect != "" && strings.Contains(r.URL.Path, redirect) {
				http.Redirect(w, r, stranger.URL+r.URL.Path, http.StatusTemporaryRedirect)
				return true
			}
			return false
		})
	}
	met := func(name string) {
		t.Helper()
		if strangers.Swap(0) == 0 {
			t.Errorf("%s: the stranger was not asked at all", name)
		}
	}

	// Both servers have the same host name, which is all that Go's own client looks at.
	for _, part := range []string{"index.yaml", ".tgz"} {
		knock(part)
		version(t, chartsWith(t, nil), guarded(s.wish("")), "")
		met("a redirect of " + part)
	}
	for _, part := range []string{"/tags/list", "/manifests/", "/blobs/"} {
		knock(part)
		version(t, chartsWith(t, nil), guarded(s.ociWish("")), "")
		met("a redirect of " + part)
	}

	knock("")
	var whole string
	s.index(func(text string) string {
		whole = text
		return strings.ReplaceAll(text, "- web-1.0.0.tgz", "- "+stranger.URL+"/charts/web-1.0.0.tgz")
	})
	version(t, chartsWith(t, nil), guarded(s.wish("")), "")
	met("an absolute address")

	s.index(func(string) string {
		return strings.ReplaceAll(whole, "- web-1.0.0.tgz", "- oci://"+stranger.Listener.Addr().String()+"/secret/web")
	})
	err := complaint(t.Context(), t, chartsWith(t, nil), guarded(s.wish("")))
	discreet(t, "an address of another registry", err)
	met("an address of another registry")

	// An absolute address at the repository itself does get them.
	s.index(func(string) string {
		return strings.ReplaceAll(whole, "- web-1.0.0.tgz", "- "+s.URL+"/charts/web-1.0.0.tgz")
	})
	version(t, chartsWith(t, nil), guarded(s.wish("")), "")
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAnAuthorityOfOnesOwnIsTrustedWhereItIsNamed(t *testing.T) {
	s := newSecureShelf(t)
	s.publish("1.0.0", "")
	c := chartsWith(t, nil)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for name, text := range map[string][]byte{"ca.crt": ca, "empty.crt": nil} {
		if err := os.WriteFile(filepath.Join(c.env.Dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, o := range map[string]Options{"repository": guarded(s.wish("")), "registry": guarded(s.ociWish(""))} {
		if name == "repository" {
			err := complaint(t.Context(), t, c, o)
			discreet(t, name, err)
			if retryable(err) || !strings.Contains(hintOf(err), "repo.ca_file") {
				t.Errorf("%s: %v (%s)", name, err, hintOf(err))
			}
		}
		for file, says := range map[string]string{"empty.crt": "has no certificate", "missing.crt": "no such file"} {
			o.Repo.CAFile = file
			err := complaint(t.Context(), t, c, o)
			discreet(t, name, err)
			if !strings.Contains(err.Error(), says) || retryable(err) {
				t.Errorf("%s, %s: %v", name, file, err)
			}
		}
		for _, file := range []string{"ca.crt", filepath.Join(c.env.Dir, "ca.crt")} {
			o.Repo.CAFile = file
			if v := version(t, c, o, ""); v != "1.0.0" {
				t.Errorf("%s, %s: %s", name, file, v)
			}
		}
	}
	wrong := newShelf(t)
	o := guarded(wrong.wish(""))
	o.Repo.URL = strings.Replace(o.Repo.URL, "http:", "https:", 1)
	err := complaint(t.Context(), t, c, o)
	discreet(t, "https to a server of http", err)
	if retryable(err) || !strings.Contains(hintOf(err), "https") {
		t.Errorf("https to a server of http: %v (%s)", err, hintOf(err))
	}
}

func TestAnArchiveStaysCompressedWhateverTheServerCallsIt(t *testing.T) {
	s := newShelf(t)
	data := s.publish("1.0.0", "")
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, ".tgz"):
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(data)
		case strings.HasSuffix(r.URL.Path, "index.yaml") && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(mustRead(t, filepath.Join(s.dir, "index.yaml")))
			_ = z.Close()
		default:
			return false
		}
		return true
	})
	version(t, chartsWith(t, nil), s.wish(""), "")
}

func TestAddressesAreShownWithoutTheirSecrets(t *testing.T) {
	for from, want := range map[string]string{
		`Get "https://u:p@h.test/x?token=t#f": dial tcp`: `Get "https://h.test/x": dial tcp`,
		`index of http://h.test:80/x?a=b: broke off`:     `index of http://h.test:80/x: broke off`,
		`see oci://u:p@h.test/a/b, it says`:              `see oci://h.test/a/b, it says`,
		`(http://h.test?q)`:                              `(http://h.test)`,
		`http://%zz?token=t`:                             `(no address)`,
		`nothing`:                                        `nothing`,
	} {
		base := errors.New(from)
		err := redacted(base)
		if err.Error() != want || !errors.Is(err, base) {
			t.Errorf("%s became %s", from, err)
		}
	}
}

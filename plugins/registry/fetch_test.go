package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// half answers with the first half of what there is.
func (s *site) half(cut bool) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		data, ok := s.files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok || !strings.HasSuffix(r.URL.Path, "gz") {
			return false
		}
		if cut {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		} else {
			w.Header().Set("Transfer-Encoding", "chunked")
		}
		_, _ = w.Write(data[:len(data)/2])
		return true
	}
}

func status(code int, headers ...string) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		http.Error(w, "no", code)
		return true
	}
}

// archives is an answer for archives only.
func archives(answer func(w http.ResponseWriter, r *http.Request) bool) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, "gz") && answer(w, r)
	}
}

func TestWhatServersDoWrongIsSaidAndNothingIsInstalled(t *testing.T) {
	for name, k := range map[string]struct {
		answer func(s *site) func(w http.ResponseWriter, r *http.Request) bool
		words  []string
		asked  int
	}{
		"401": {func(*site) func(http.ResponseWriter, *http.Request) bool { return archives(status(401)) }, []string{"401 Unauthorized", "docker login"}, 2},
		"403": {func(*site) func(http.ResponseWriter, *http.Request) bool { return archives(status(403)) }, []string{"403 Forbidden", "docker login"}, 2},
		"404": {func(*site) func(http.ResponseWriter, *http.Request) bool { return archives(status(404)) }, []string{"404 Not Found", "is it there in this version"}, 2},
		"418": {func(*site) func(http.ResponseWriter, *http.Request) bool { return archives(status(418)) }, []string{"418"}, 2},
		"429": {func(*site) func(http.ResponseWriter, *http.Request) bool { return archives(status(429)) }, []string{"429 Too Many Requests", "try again later", "dtm bundle use"}, 4},
		"429 for an hour": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(status(429, "Retry-After", "3600"))
		}, []string{"try again in 1h0m0s"}, 2},
		"500":               {func(*site) func(http.ResponseWriter, *http.Request) bool { return archives(status(500)) }, []string{"500 Internal Server Error"}, 4},
		"the list is a 500": {func(*site) func(http.ResponseWriter, *http.Request) bool { return status(500) }, []string{"SHA256SUMS: 500"}, 3},
		"the list is a 401": {func(*site) func(http.ResponseWriter, *http.Request) bool { return status(401) }, []string{"SHA256SUMS: 401"}, 1},
		"half of it":        {func(s *site) func(http.ResponseWriter, *http.Request) bool { return s.half(true) }, []string{"broke off after", "unexpected EOF"}, 4},
		"half, not told":    {func(s *site) func(http.ResponseWriter, *http.Request) bool { return s.half(false) }, []string{"wrong checksum", "dtm init --upgrade"}, 2},
		"another host": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(status(302, "Location", "https://evil.example.org/x?token=hunter2"))
		}, []string{"http://127.0.0.1:", "sends to another host, https://evil.example.org"}, 2},
		"another port": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(status(307, "Location", "http://127.0.0.1:1/x"))
		}, []string{"another host, http://127.0.0.1:1"}, 2},
		"the list elsewhere": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return status(301, "Location", "//evil.example.org/")
		}, []string{"another host, http://evil.example.org"}, 1},
		"round in circles": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(status(302, "Location", "/0.1.0/x.tgz"))
		}, []string{"stopped after 10 redirects"}, -1},
		"a page": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(func(w http.ResponseWriter, _ *http.Request) bool {
				fmt.Fprint(w, "<html>")
				return true
			})
		}, []string{"wrong checksum"}, 2},
		"a list that is a page": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool {
				fmt.Fprint(w, "<html>")
				return true
			}
		}, []string{"SHA256SUMS: line 1 is not a SHA-256"}, 1},
		"a long list": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool {
				_, _ = w.Write(bytes.Repeat([]byte("\n"), longestText+1))
				return true
			}
		}, []string{"more than 1048576 bytes"}, 1},
		"too large, announced": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Length", "70000")
				_, _ = w.Write(make([]byte, 70000))
				return true
			})
		}, []string{"dtm takes 65536"}, 2},
		"too large, not told": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(func(w http.ResponseWriter, _ *http.Request) bool {
				w.(http.Flusher).Flush()
				_, _ = w.Write(make([]byte, 70000))
				return true
			})
		}, []string{"dtm takes 65536"}, 2},
		"nothing comes": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(func(w http.ResponseWriter, r *http.Request) bool {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return true
			})
		}, []string{"nothing came for 50ms", "dtm bundle use"}, 4},
		"nothing at all comes": {func(*site) func(http.ResponseWriter, *http.Request) bool {
			return archives(func(_ http.ResponseWriter, r *http.Request) bool {
				<-r.Context().Done()
				return true
			})
		}, []string{"nothing came for 50ms"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			if strings.HasPrefix(name, "nothing") {
				w.stall = 50 * time.Millisecond
			}
			w.limits = limits{archive: 1 << 16, unpacked: 1 << 20, files: 100}
			s.release(t, "0.1.0", here)
			s.answer = k.answer(s)
			said := w.refuses(s.wish("0.1.0"), append(k.words, "plugin greeting: ")...)
			if asked := len(s.requests()); k.asked >= 0 && asked != k.asked {
				t.Errorf("it asked %d times, not %d: %v", asked, k.asked, s.requests())
			}
			if strings.Contains(said, "hunter2") {
				t.Errorf("it tells a secret: %s", said)
			}
			if len(s.files) != 2 {
				return
			}
			// When it is over, all is well.
			s.answer = nil
			w.init(s.wish("0.1.0"))
			w.found()
		})
	}
}

func TestAServerThatIsDownIsSaidToBe(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	s.Close()
	w.refuses(s.wish("0.1.0"), "connection refused", "is it up", "dtm bundle use")
	w.HTTP = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "plugins.example.org"}
	}}}
	w.refuses(Wish{Name: "greeting", Source: "https://plugins.example.org/x.tgz"}, "no such host", "dtm bundle use")
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	for name, answer := range map[string]func(s *site) func(w http.ResponseWriter, r *http.Request) bool{
		"500":  func(*site) func(http.ResponseWriter, *http.Request) bool { return status(500) },
		"429":  func(*site) func(http.ResponseWriter, *http.Request) bool { return status(429, "Retry-After", "0") },
		"half": func(s *site) func(http.ResponseWriter, *http.Request) bool { return s.half(true) },
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			s.release(t, "0.1.0", here)
			seen := map[string]int{}
			s.answer = func(w http.ResponseWriter, r *http.Request) bool {
				seen[r.URL.Path]++
				return seen[r.URL.Path] < 3 && answer(s)(w, r)
			}
			w.init(s.wish("0.1.0"))
			w.found()
		})
	}
}

func TestADownloadEndsWithItsContext(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user has pressed ^C")
	s.answer = archives(func(w http.ResponseWriter, r *http.Request) bool {
		w.(http.Flusher).Flush()
		cancel(why)
		<-r.Context().Done()
		return true
	})
	if _, err := Init(ctx, w.Options, []Wish{s.wish("0.1.0")}); !errors.Is(err, why) {
		t.Errorf("it says %v", err)
	}
	if files := w.files(); len(files) > 0 {
		t.Errorf("it left %v", files)
	}
}

func TestARedirectOnTheSameHostIsFollowed(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	for name, data := range s.files {
		s.files["moved/"+name] = data
	}
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/moved") {
			http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusFound)
			return true
		}
		return false
	}
	w.init(s.wish("0.1.0"))
	w.found()
}

func TestALockedDigestIsWhatCounts(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here, "darwin/arm64")
	w.init(s.wish("0.1.0"))
	lock, err := os.ReadFile(w.Dir + "/" + LockName)
	if err != nil {
		t.Fatal(err)
	}
	// Somebody publishes something else under the same name, with a list that fits it.
	for name := range s.files {
		if strings.HasSuffix(name, "gz") {
			s.files[name] = plugin("greeting", "0.1.0").with("run", "xevil").packed(t)
		}
	}
	other := newWorld(t)
	if err := os.WriteFile(other.Dir+"/"+LockName, lock, 0o644); err != nil {
		t.Fatal(err)
	}
	other.refuses(s.wish("0.1.0"), "wrong checksum: what came is sha256:", "it should be "+w.lock().Plugins["greeting"].Platforms[here].Archive, "dtm init --upgrade")
	// A platform that is not locked yet is not added to what is another one now.
	delete(s.files, "0.1.0/"+sumsName)
	s.release(t, "0.1.0", "linux/arm64")
	list := string(s.files["0.1.0/"+sumsName]) + strings.Repeat("0", 64) + "  greeting_0.1.0_linux_amd64.tar.gz\n"
	s.files["0.1.0/"+sumsName] = []byte(list)
	other.Platform = "linux/arm64"
	other.refuses(s.wish("0.1.0"), "archive for linux/amd64: dtm.lock has sha256:", "the source has sha256:0000", "somebody has changed")
}

func TestAPlatformThatIsNotThereIsSaid(t *testing.T) {
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", "darwin/arm64", "windows/amd64")
	w.refuses(s.wish("0.1.0"), "it is not there for linux/amd64, only for darwin/arm64, windows/amd64")
	s.files["0.1.0/"+sumsName] = []byte(strings.Repeat("0", 64) + "  README.md\n")
	w.refuses(s.wish("0.1.0"), "SHA256SUMS does not list greeting_0.1.0_linux_amd64.tar.gz")
	delete(s.files, "0.1.0/"+sumsName)
	w.refuses(s.wish("0.1.0"), "404", "for this platform")
}

func TestWhatIsInTheArchiveMustBeWhatWasWishedFor(t *testing.T) {
	for name, k := range map[string]struct {
		files   files
		version string
		words   string
	}{
		"another name":    {plugin("other", "0.1.0"), "", "its name is other"},
		"another version": {plugin("greeting", "0.2.0"), "^0.1", `its version is 0.2.0, which does not fit "^0.1"`},
		"no manifest":     {files{"a": "b"}, "", "it has no plugin.json"},
		"one folder deep": {files{"greeting/plugin.json": "{}"}, "", "it has no plugin.json"},
		"no program":      {plugin("greeting", "0.1.0").with("run", ""), "", "./run is not there"},
		"no schema":       {plugin("greeting", "0.1.0").with("schema.cue", ""), "", "no schema.cue"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			var entries []entry
			for name, content := range k.files {
				entries = append(entries, entry{name: name, content: content})
			}
			s.files["x.tgz"] = tarred(t, entries...)
			w.refuses(Wish{Name: "greeting", Source: s.URL + "/x.tgz", Version: k.version}, k.words)
		})
	}
	// A version in the address must be the one inside.
	w, s := newWorld(t), newSite(t)
	s.release(t, "0.1.0", here)
	s.files["0.2.0/greeting_0.2.0_linux_amd64.tar.gz"] = s.files["0.1.0/greeting_0.1.0_linux_amd64.tar.gz"]
	w.refuses(s.wish("0.2.0"), `0.1.0`)
}

func TestSums(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("B", 64)
	sums, err := parseSums([]byte("# a comment\n\n" + a + "  x.tgz\r\n" + b + " *./y z.tgz\n" + a + "  x.tgz\n"))
	if err != nil || len(sums) != 2 || sums["x.tgz"] != "sha256:"+a || sums["y z.tgz"] != "sha256:"+strings.ToLower(b) {
		t.Errorf("%v, %v", sums, err)
	}
	for text, words := range map[string]string{
		"": "is empty", a: "line 1", a + "  ": "line 1", "\n" + a[1:] + "  x": "line 2", "x" + a[1:] + "  x": "line 1",
		a + "  x\n" + b + "  x": "two digests",
	} {
		if _, err := parseSums([]byte(text)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

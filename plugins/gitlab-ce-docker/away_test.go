package gitlabcedocker

import (
	"archive/tar"
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/moby/moby/client"

	"github.com/devstream-io/dtm/plugins"
)

// The suite fails one request at a time; here the engine goes away for good, so that nothing can be put back either. It is
// what a dtm leaves that is killed there, too.
func TestAnEngineThatGoesAwayInTheMiddleIsNoHarm(t *testing.T) {
	t.Parallel()
	for verb, least := range map[string]int{"create": 2, "update": 6, "rename": 1, "delete": 2} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				w := newWorld(t)
				have := w.options(func(o *Options) { o.RmDataAfterDelete = true })
				want := have
				var last Resource
				if verb != "create" {
					last = w.create(t, have)
				}
				switch verb {
				case "update":
					want.Hostname = "git.example.com"
				case "rename":
					want.ContainerName = w.name + "-new"
				}
				do := func() error {
					var err error
					switch verb {
					case "create":
						_, err = w.kind.Create(t.Context(), encode(want))
					case "delete":
						err = w.kind.Delete(t.Context(), encode(have), encode(last))
					default:
						_, err = w.kind.Update(t.Context(), encode(want), encode(have), encode(last))
					}
					return err
				}
				heal := w.line.cut(n)
				err := do()
				if !heal() {
					must(t, err)
					if n <= least {
						t.Errorf("it takes but %d requests, want %d", n-1, least)
					}
					return
				}
				mustSay(t, err, "the docker engine at unix://", "is it running")
				if _, passing := plugins.RetryAfter(err); !passing {
					t.Errorf("request %d: it is not said that it may pass: %v", n, err)
				}
				if err := do(); err != nil {
					t.Fatalf("request %d: and again: %v", n, err)
				}
				if verb != "delete" {
					if ok, err := w.exists(encode(want)); !ok || err != nil {
						t.Errorf("request %d: it is there: %t, %v", n, ok, err)
					}
					w.mustHave(t, want.ContainerName)
					w.delete(t, want, Resource{})
				}
				w.mustHave(t)
				mustHold(t, w.home)
			}
		})
	}
}

func TestAnEngineThatIsAwayForAWhileIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var started atomic.Bool
	var missed atomic.Int32
	w.line.answer(func(r *http.Request) (*http.Response, error) {
		if started.Load() && missed.Add(1) <= 5 {
			return nil, errAway
		}
		answer, err := w.line.engine.RoundTrip(r)
		if strings.HasSuffix(r.URL.Path, "/start") {
			started.Store(true)
		}
		return answer, err
	})
	var r reports
	_, err := w.kind.Create(r.listen(t.Context()), encode(w.options()))
	must(t, err)
	if !strings.Contains(r.said(), "waiting for GitLab: the docker engine at ") || missed.Load() < 5 {
		t.Errorf("nobody said that the engine is away:\n%s", r.said())
	}

	// It does not come back: that is what the error says, and not that GitLab is not healthy.
	started.Store(false)
	other := w.options(withEnv("A", "B"), func(o *Options) { o.Timeout = "1s" })
	w.line.answer(func(r *http.Request) (*http.Response, error) {
		if started.Load() {
			return nil, errAway
		}
		answer, err := w.line.engine.RoundTrip(r)
		if strings.HasSuffix(r.URL.Path, "/start") {
			started.Store(true)
		}
		return answer, err
	})
	_, err = w.kind.Update(t.Context(), encode(other), encode(w.options()), nil)
	mustSay(t, err, "is not ready after 1s: the ", "")
	mustSay(t, err, "does not answer: ", "")
	w.line.answer(nil)
	other.Timeout = "5m"
	w.update(t, other, w.options(), Resource{})
	w.mustHave(t, w.name)
}

// half is the beginning of a pull, as an engine tells it.
const half = `{"status":"Pulling from gitlab/gitlab-ce","id":"9"}` + "\n" +
	`{"status":"Downloading","progressDetail":{"current":1000000,"total":90000000},"id":"a1b2"}` + "\n"

// cutOff is a body that breaks.
type cutOff struct{ io.Reader }

func (c cutOff) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		err = errAway
	}
	return n, err
}

func (c cutOff) Close() error { return nil }

func TestAPullThatStopsInTheMiddleTouchesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options()
	made := w.create(t, have)
	want := w.options(func(o *Options) { o.Image = "dtm.test/never:9" })
	for name, body := range map[string]io.ReadCloser{
		"between two words": io.NopCloser(strings.NewReader(half)),
		"in a word":         io.NopCloser(strings.NewReader(half[:len(half)-20])),
		"the line breaks":   cutOff{strings.NewReader(half)},
		"it says so":        io.NopCloser(strings.NewReader(half + `{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}` + "\n")),
	} {
		w.line.answer(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/images/create") {
				return w.line.engine.RoundTrip(r)
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
		})
		_, err := w.kind.Update(t.Context(), encode(want), encode(have), encode(made))
		if _, passing := plugins.RetryAfter(err); !passing {
			t.Errorf("%s: %v", name, err)
		}
		if got := w.read(t, have, made); !got.Running || got.Status.ID != made.Status.ID || w.starts(t) != 1 {
			t.Errorf("%s: the container that is there was touched: %+v", name, got)
		}
		w.mustHave(t, w.name)
	}
}

func TestALayerThatIsBrokenIsGotAgainTheNextTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var breaks atomic.Bool
	hub := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if breaks.Load() && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			rw.Header().Set("Content-Length", "1000000")
			_, _ = io.WriteString(rw, "half")
			panic(http.ErrAbortHandler)
		}
		hub.ServeHTTP(rw, r)
	}))
	defer server.Close()
	name := strings.TrimPrefix(server.URL, "http://") + "/gitlab/gitlab-ce:half"
	pushImage(t, w, name)

	o := w.options(func(o *Options) { o.Image = name })
	breaks.Store(true)
	_, err := w.kind.Create(t.Context(), encode(o))
	mustSay(t, err, "pull "+name+": ", "does the engine reach the registry")
	w.mustHave(t)
	breaks.Store(false)
	w.create(t, o)
	w.mustHave(t, w.name)
}

// pushImage puts an image for GitLab with a layer of its own, which the engine does not have, into a registry.
func pushImage(t *testing.T, w world, name string) {
	t.Helper()
	var layer bytes.Buffer
	files := tar.NewWriter(&layer)
	must(t, files.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "own", Mode: 0o644, Size: int64(len(name))}))
	_, err := io.WriteString(files, name)
	must(t, err)
	must(t, files.Close())

	api := w.engine.Client()
	draft, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Name: w.name + "-draft", Image: image})
	must(t, err)
	_, err = api.CopyToContainer(t.Context(), draft.ID, client.CopyToContainerOptions{DestinationPath: "/", Content: &layer})
	must(t, err)
	_, err = api.ContainerCommit(t.Context(), draft.ID, client.ContainerCommitOptions{Reference: name})
	must(t, err)
	w.remove(t, w.name+"-draft")
	pushed, err := api.ImagePush(t.Context(), name, client.ImagePushOptions{RegistryAuth: "e30="})
	must(t, err)
	must(t, pushed.Wait(t.Context()))
	_, err = api.ImageRemove(t.Context(), name, client.ImageRemoveOptions{})
	must(t, err)
}

// What was made and never ran is taken as it is if it is as wanted, and made anew if not.
func TestAContainerThatWasMadeAndNeverStartedIsStarted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"as wanted": func(*Options) {},
		"otherwise": func(o *Options) { o.Hostname = "git.example.com" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			heal := w.line.cut(2) // the first makes it, the second starts it
			_, err := w.kind.Create(t.Context(), encode(o))
			heal()
			mustSay(t, err, "does not answer", "")
			left := w.mustInspect(t, w.name)
			if left.State.Status != "created" {
				t.Fatalf("it is %s", left.State.Status)
			}
			want := o
			change(&want)
			made := w.create(t, want)
			if same := made.Status.ID == left.ID; same != (want.Hostname == o.Hostname) {
				t.Errorf("it is the same: %t", same)
			}
			w.mustHave(t, w.name)
		})
	}
}

func TestTwoGitLabsDoNotShareTheirData(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	o := w.options()
	made := w.create(t, o)
	second := other.options(func(o *Options) { o.GitLabHome = w.home })
	_, err := other.kind.Create(t.Context(), encode(second))
	mustSay(t, err, "the container "+w.name+" works on the data in "+w.home+" already", "choose another gitlab_home")
	other.mustHave(t)
	// Nor the other way round, when somebody gave the container another name.
	_, err = w.engine.Client().ContainerRename(t.Context(), w.name, client.ContainerRenameOptions{NewName: w.name + "-hidden"})
	must(t, err)
	_, err = w.kind.Create(t.Context(), encode(o))
	mustSay(t, err, "the container "+w.name+"-hidden works on the data", "docker rename "+w.name+"-hidden "+w.name)
	w.mustHave(t, w.name+"-hidden")
	_, err = w.engine.Client().ContainerRename(t.Context(), w.name+"-hidden", client.ContainerRenameOptions{NewName: w.name})
	must(t, err)
	if got := w.create(t, o); got.Status.ID != made.Status.ID || w.starts(t) != 1 {
		t.Errorf("it is %+v", got)
	}
}

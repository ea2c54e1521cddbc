package gitlabcedocker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/moby/moby/client"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// verbs calls every verb that speaks to the engine.
func verbs(ctx context.Context, kind plugins.Kind, options json.RawMessage) map[string]error {
	errs := map[string]error{}
	_, errs["create"] = kind.Create(ctx, options)
	_, errs["read"] = kind.Read(ctx, options, nil)
	_, errs["update"] = kind.Update(ctx, options, options, nil)
	errs["delete"] = kind.Delete(ctx, options, nil)
	_, errs["preview"] = kind.Preview(ctx, options, nil, nil)
	_, errs["succeed"] = kind.Succeed(ctx, options, []byte(`{"containerRunning":true}`))
	return errs
}

func TestAnEngineThatIsDownIsAnErrorThatMayPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := fmt.Sprintf("tcp://127.0.0.1:%d", w.ports[0])
	for host, text := range map[string]string{
		"unix:///nowhere/docker.sock": "the docker engine at unix:///nowhere/docker.sock does not answer: ",
		closed:                        "the docker engine at " + closed + " does not answer: ",
	} {
		for verb, err := range verbs(t.Context(), w.kind, encode(w.options(func(o *Options) { o.DockerHost = host }))) {
			mustSay(t, err, text, "is it running")
			if _, ok := plugins.RetryAfter(err); !ok || errors.Is(err, plugins.ErrNotFound) {
				t.Errorf("%s: %v", verb, err)
			}
		}
	}
	for host, hint := range map[string]string{"ssh://host": "ssh -L", "unix://": "it looks like", "/var/run/docker.sock": "it looks like", "fd://": "it looks like"} {
		for _, err := range verbs(t.Context(), w.kind, encode(w.options(func(o *Options) { o.DockerHost = host }))) {
			mustSay(t, err, "is no address of a Docker engine", hint)
		}
	}
}

func TestAnImageComesFromItsRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	name := strings.TrimPrefix(server.URL, "http://") + "/gitlab/gitlab-ce:3"
	api := w.engine.Client()
	_, err := api.ImageTag(t.Context(), client.ImageTagOptions{Source: image, Target: name})
	must(t, err)
	pushed, err := api.ImagePush(t.Context(), name, client.ImagePushOptions{RegistryAuth: "e30="})
	must(t, err)
	must(t, pushed.Wait(t.Context()))
	_, err = api.ImageRemove(t.Context(), name, client.ImageRemoveOptions{Force: true})
	must(t, err)

	var r reports
	o := w.options(func(o *Options) { o.Image = name })
	if _, err := w.kind.Create(r.listen(t.Context()), encode(o)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.said(), "pulling "+name) {
		t.Errorf("nobody said that it is pulled:\n%s", r.said())
	}

	have := o
	for _, c := range [][2]string{{"none", "is the name right"}, {"gone", "does the engine reach the registry"}} {
		tag, hint := c[0], c[1]
		want := w.options(func(o *Options) { o.Image = strings.TrimSuffix(name, "3") + tag })
		if tag == "gone" {
			server.Close()
		}
		_, err := w.kind.Update(t.Context(), encode(want), encode(have), nil)
		mustSay(t, err, "pull "+want.Image+": ", hint)
		if _, passing := plugins.RetryAfter(err); errors.Is(err, plugins.ErrNotFound) || passing != (tag == "gone") {
			t.Errorf("%s: %v", tag, err)
		}
		if !w.mustInspect(t, w.name).State.Running || w.starts(t) != 1 {
			t.Errorf("%s: the container that is there was touched", tag)
		}
	}
}

func TestAPortThatIsTakenLeavesNothingNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	port := parts.FreePorts(t, 1)[0]
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	must(t, err)
	defer taken.Close()
	bad := w.options(func(o *Options) { o.HTTPPort = port })
	_, err = w.kind.Create(t.Context(), encode(bad))
	mustSay(t, err, fmt.Sprint(port), "something else listens on that port")
	w.mustHave(t)

	have := w.options()
	made := w.create(t, have)
	_, err = w.kind.Update(t.Context(), encode(bad), encode(have), encode(made))
	mustSay(t, err, fmt.Sprint(port), "something else listens on that port")
	w.mustHave(t, w.name)
	if got := w.read(t, have, made); string(encode(got)) != string(encode(w.read(t, have, made))) || got.Status.ID != made.Status.ID || !got.Running || got.Restart != "always" {
		t.Errorf("the former container is %+v", got)
	}
	must(t, taken.Close())
	if got := w.update(t, bad, have, made); !got.Running {
		t.Errorf("when the port is free it is %+v", got)
	}
	w.mustHave(t, w.name)
}

func TestAContainerThatIsNotHealthyInTimeStaysAndIsWaitedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const password = "correct-horse-battery"
	o := w.options(withEnv("STUB_READY_AFTER", "told", "GITLAB_ROOT_PASSWORD", password), func(o *Options) { o.Image, o.Wait = checked, false })
	w.create(t, o)
	until(t, "it answers", func() bool {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/-/readiness", o.HTTPPort))
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil && answer.StatusCode == http.StatusBadGateway
	})
	id := w.mustInspect(t, w.name).ID

	o.Wait, o.Timeout = true, "3s"
	_, err := w.kind.Create(t.Context(), encode(o))
	mustSay(t, err, "GitLab in the container "+w.name+" is not ready after 3s: health: ", "docker logs "+w.name)
	mustSay(t, err, "/-/readiness answers 502", "`timeout` is how long")
	mustSay(t, err, "; its last words: ", "")
	mustSay(t, err, "with GITLAB_ROOT_PASSWORD=***", "")
	if err != nil && strings.Contains(err.Error(), password) {
		t.Errorf("a secret is told: %v", err)
	}

	w.ready(t)
	o.Timeout = "5m"
	if made := w.create(t, o); made.Status.ID != id || w.starts(t) != 1 {
		t.Errorf("it was made anew: %+v", made)
	}
	w.delete(t, o, Resource{})
	w.mustHave(t)
}

func TestAContainerThatHasEndedNowAndThenIsNotGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(withEnv("STUB_EXIT_AFTER", "10ms", "STUB_EXITS", fmt.Sprint(attempts)), func(o *Options) { o.Image, o.Wait = checked, false })
	made := w.create(t, o)
	until(t, "it stays", func() bool {
		c := w.mustInspect(t, w.name)
		return c.RestartCount == attempts && c.State.Health != nil && c.State.Health.Status == "healthy"
	})
	want := o
	want.Restart, want.Wait = "unless-stopped", true
	if got := w.update(t, want, o, made); got.Status.ID != made.Status.ID || got.Restart != want.Restart {
		t.Errorf("it is %+v", got)
	}
}

func TestAContainerThatEndsByItselfIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for restart, text := range map[string]string{"no": "is not there to stay: exit code 3", "always": "was started anew "} {
		t.Run(restart, func(t *testing.T) {
			w := newWorld(t)
			o := w.options(withEnv("STUB_READY_AFTER", "never", "STUB_EXIT_AFTER", "50ms"), func(o *Options) { o.Restart, o.Timeout = restart, "5m" })
			_, err := w.kind.Create(t.Context(), encode(o))
			mustSay(t, err, text, "`docker logs "+w.name+"` tells more")
			mustSay(t, err, "; its last words: ", "")
			mustSay(t, err, "ending by itself", "")
			w.delete(t, o, Resource{})
			w.mustHave(t)
		})
	}
}

func TestAnUpdateThatCannotWorkPutsTheFormerContainerBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options()
	made := w.create(t, have)
	broken := withEnv("STUB_READY_AFTER", "never", "STUB_EXIT_AFTER", "50ms")
	_, err := w.kind.Update(t.Context(), encode(w.options(broken)), encode(have), encode(made))
	mustSay(t, err, "it ended by itself", "")
	w.mustHave(t, w.name)
	if got := w.read(t, have, made); got.Status.ID != made.Status.ID || !got.Running || got.Restart != "always" {
		t.Errorf("the former container is %+v", got)
	}

	// Another version may have changed the data: the former one must not see it.
	_, err = w.kind.Update(t.Context(), encode(w.options(broken, func(o *Options) { o.Image = nextImage })), encode(have), encode(made))
	mustSay(t, err, "it ended by itself", "")
	w.mustHave(t, w.name, w.name+"-dtm-old")
	old := w.mustInspect(t, w.name+"-dtm-old")
	if w.mustInspect(t, w.name).Config.Image != nextImage || old.State.Running || old.HostConfig.RestartPolicy.Name != "no" {
		t.Errorf("the former container runs: %+v", old.State)
	}
	want := w.options(func(o *Options) { o.Image = nextImage })
	w.update(t, want, have, made)
	w.mustHave(t, w.name)
}

func TestACancelledWaitEndsAndIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.options()
	made := w.create(t, have)
	// It is not ready before it is told to, and the wait is longer than the test: only its ctx can end it.
	want := w.options(withEnv("STUB_READY_AFTER", "told"), func(o *Options) { o.Timeout = "24h" })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx = plugins.WithReport(ctx, func(text string) {
		if strings.HasPrefix(text, "waiting for GitLab") {
			cancel()
		}
	})
	if _, err := w.kind.Update(ctx, encode(want), encode(have), encode(made)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.mustHave(t, w.name, w.name+"-dtm-old")
	id := w.mustInspect(t, w.name).ID
	w.ready(t)
	if got := w.update(t, want, have, made); got.Status.ID != id {
		t.Error("it was made anew")
	}
	w.mustHave(t, w.name)
}

func TestForeignContainersAreNotTouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := w.options(func(o *Options) { o.GitLabHome = t.TempDir() })
	id := w.byHand(t, w.name, elsewhere)
	for _, adopt := range []bool{false, true} {
		o := w.options(func(o *Options) { o.Adopt = adopt })
		errs := verbs(t.Context(), w.kind, encode(o))
		for _, verb := range []string{"create", "update", "preview"} {
			mustSay(t, errs[verb], "there is a container "+w.name+" already, and dtm has not made it", "choose another container_name")
		}
		if !errors.Is(errs["read"], plugins.ErrNotFound) || errs["delete"] != nil {
			t.Errorf("read: %v, delete: %v", errs["read"], errs["delete"])
		}
	}
	if c := w.mustInspect(t, w.name); c.ID != id || !c.State.Running {
		t.Error("it was touched")
	}

	// A container of dtm, but of another tool.
	other := newWorld(t)
	o := other.options()
	made := other.create(t, o)
	thief := other.options(func(o *Options) { o.GitLabHome = w.home })
	_, err := w.kind.Create(t.Context(), encode(thief))
	mustSay(t, err, "the container "+other.name+" is another tool's: its data is in "+other.home, "choose another container_name")
	must(t, w.kind.Delete(t.Context(), encode(thief), nil))
	if got := other.read(t, o, made); got.Status.ID != made.Status.ID {
		t.Error("it was touched")
	}

	// The name under which the former container waits may be taken as well.
	third := newWorld(t)
	o = third.options()
	made = third.create(t, o)
	third.byHand(t, third.name+"-dtm-old", third.elsewhere(t))
	_, err = third.kind.Update(t.Context(), encode(third.options(withEnv("A", "B"))), encode(o), encode(made))
	mustSay(t, err, "there is a container "+third.name+"-dtm-old already", "remove that container by hand")
	if got := third.read(t, o, made); !got.Running || got.Status.ID != made.Status.ID {
		t.Errorf("the container is %+v", got)
	}
}

// elsewhere are the options of another GitLab.
func (w world) elsewhere(t *testing.T) Options {
	t.Helper()
	other := newWorld(t)
	return w.options(func(o *Options) {
		o.GitLabHome, o.SSHPort, o.HTTPPort, o.HTTPSPort = t.TempDir(), other.ports[0], other.ports[1], other.ports[2]
	})
}

func TestAContainerIsTakenOverOnlyIfThatIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options()
	id := w.byHand(t, w.name, o)
	_, err := w.kind.Create(t.Context(), encode(o))
	mustSay(t, err, "the container "+w.name+" has its data in "+w.home+", but dtm has not made it", "adopt: true")
	mustSay(t, w.kind.Delete(t.Context(), encode(o), nil), "but dtm has not made it", "set adopt: true and apply once")
	w.mustHave(t, w.name)

	as := w.options(func(o *Options) { o.Adopt, o.ShmSize = true, "256m" })
	if made := w.create(t, as); made.Status.ID != id {
		t.Error("it was made anew though it is as wanted")
	}
	changed := w.options(withEnv("A", "B"), func(o *Options) { o.Adopt, o.ShmSize = true, "256m" })
	made := w.update(t, changed, as, Resource{})
	if made.Status.ID == id || w.starts(t) != 2 {
		t.Errorf("it is %+v", made)
	}
	// Now it is dtm's own.
	changed.Adopt = false
	w.update(t, changed, as, made)
	w.delete(t, changed, made)
	w.mustHave(t)
}

func TestWhatDevStreamLeftIsNoChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(func(o *Options) { o.Address, o.ShmSize, o.Image = "", "256m", nextImage })
	id := w.byHand(t, w.name, o)
	// DevStream kept neither the image nor the name. The schema has filled them in since, the former not as it was.
	recorded := o
	recorded.Image = image
	old := fmt.Sprintf(`{"containerRunning":true,"volumes":"%[1]s/config,%[1]s/data,%[1]s/logs","hostname":"gitlab.example.com","SSHPort":"%d","HTTPPort":"%d","HTTPSPort":"%d"}`,
		w.home, w.ports[0], w.ports[1], w.ports[2])
	left, err := w.kind.Succeed(t.Context(), encode(recorded), []byte(old))
	must(t, err)
	there, err := w.kind.Read(t.Context(), encode(recorded), left)
	must(t, err)
	if a, b := decode[Resource](left), decode[Resource](there); string(encode(a)) != string(encode(b)) || a.Status.ID != id {
		t.Errorf("it left %s, there is %s", left, there)
	}
	stopped, err := w.kind.Succeed(t.Context(), encode(recorded), []byte(`{"containerRunning":false}`))
	must(t, err)
	if decode[Resource](stopped).Running {
		t.Errorf("what was stopped runs: %s", stopped)
	}
	_, err = w.kind.Update(t.Context(), encode(o), encode(recorded), there)
	mustSay(t, err, "dtm has not made it", "adopt: true")
	o.Adopt = true
	if got := w.update(t, o, recorded, decode[Resource](there)); got.Status.ID != id {
		t.Errorf("it was made anew: %+v", got)
	}
	if _, err := w.kind.Succeed(t.Context(), encode(recorded), []byte(`[]`)); err == nil {
		t.Error("any old resource will do")
	}
	w.remove(t, w.name)
	if gone, err := w.kind.Succeed(t.Context(), encode(recorded), []byte(old)); err != nil || decode[Resource](gone).Image != "gitlab/gitlab-ce:rc" {
		t.Errorf("of a container that is gone it left %s, %v", gone, err)
	}
}

func TestOfAnEngineElsewhereNoFoldersAreRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kind := New(plugintest.Env(t.TempDir()))
	o := encode(w.options(func(o *Options) { o.DockerHost, o.RmDataAfterDelete = "tcp://127.0.0.1:1", true }))
	_, err := kind.Create(t.Context(), o)
	mustSay(t, err, "rm_data_after_delete: the Docker engine at tcp://127.0.0.1:1 may be on another machine", "set it to false")
}

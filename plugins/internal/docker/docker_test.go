package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

func TestTheEngineIsTheNamedOneOrThatOfTheEnvironment(t *testing.T) {
	env := plugintest.Env(t.TempDir())
	if got := Find(env, ""); got != "unix:///var/run/docker.sock" {
		t.Errorf("by default it is %s", got)
	}
	env.Getenv = func(name string) string { return map[string]string{"DOCKER_HOST": "tcp://a:1"}[name] }
	for named, want := range map[string]Host{"": "tcp://a:1", "unix:///x": "unix:///x"} {
		if got := Find(env, named); got != want {
			t.Errorf("named %q it is %s, want %s", named, got, want)
		}
	}
	for host, want := range map[Host]string{
		"unix:///x":       "127.0.0.1 true",
		"tcp://a:1":       "a false",
		"tcp://[::1]:1/x": "::1 false",
		"tcp://:1":        "127.0.0.1 false",
	} {
		if got := fmt.Sprint(host.Machine(), " ", host.Local()); got != want {
			t.Errorf("%s is %s, want %s", host, got, want)
		}
	}
}

func TestWhatIsMissingOfTheCertificatesIsAnError(t *testing.T) {
	env := plugintest.Env(t.TempDir())
	for _, variable := range []string{"DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} {
		env.Getenv = func(name string) string {
			return map[string]string{variable: "/nowhere", "HOME": "/nobody"}[name]
		}
		if _, err := Open(t.Context(), env, "tcp://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "ca.pem") {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

func TestErrorsSayWhatCanBeDone(t *testing.T) {
	e := &Engine{host: "unix:///x"}
	for _, c := range []struct {
		err        error
		text, hint string
		passes     bool
	}{
		{errors.New("Error response from daemon: Bind for 0.0.0.0:80 failed: port is already allocated"), "docker engine at unix:///x: Bind for", "something else listens", false},
		{errors.New("listen tcp4 0.0.0.0:80: bind: address already in use"), "address already in use", "choose another port", false},
		{cerrdefs.ErrUnavailable.WithMessage("later"), "docker engine at unix:///x: later", "", true},
		{errors.New("something else"), "docker engine at unix:///x: something else", "", false},
		{fmt.Errorf("post: %w", context.Canceled), "context canceled", "", false},
	} {
		err := e.explain(c.err)
		var h *hinted
		hint := ""
		if errors.As(err, &h) {
			hint = h.Hint()
		}
		if _, passes := plugins.RetryAfter(err); passes != c.passes || !strings.Contains(err.Error(), c.text) || !strings.Contains(hint, c.hint) || !errors.Is(err, c.err) {
			t.Errorf("%v becomes %v (%s)", c.err, err, hint)
		}
	}
	if err := e.explain(nil); err != nil {
		t.Error(err)
	}
}

func TestAContainerDiffersInWhatCannotBeChanged(t *testing.T) {
	want := Spec{
		Image: "i", Hostname: "h", Env: map[string]string{"A": "b"}, ShmSize: 1, Restart: "no",
		Ports: []Port{{Host: 80, Container: 80}, {Address: "127.0.0.1", Host: 2222, Container: 22}}, Volumes: []string{"/b:/b", "/a:/a"},
	}
	same := Container{
		Image: "i", Hostname: "h", Env: map[string]string{"A": digest("s", "b")}, ShmSize: 1, Restart: "always",
		Ports: []string{"127.0.0.1:2222:22", "80:80"}, Volumes: []string{"/a:/a", "/b:/b"}, State: "exited", salt: "s",
	}
	if got := same.Differs(want); got != nil {
		t.Errorf("the same differs in %s", got)
	}
	for _, change := range []func(c *Container){
		func(c *Container) { c.Env = nil },
		func(c *Container) { c.Hostname = "" },
		func(c *Container) { c.Image = "" },
		func(c *Container) { c.Ports = nil },
		func(c *Container) { c.ShmSize = 2 },
		func(c *Container) { c.Volumes = []string{"/b:/b", "/a:/a:ro"} },
	} {
		other := same
		change(&other)
		if got := other.Differs(want); len(got) != 1 {
			t.Errorf("%+v differs in %s", other, got)
		}
	}
	if got := (&Container{}).Differs(want); !slices.IsSorted(got) || len(got) != 6 {
		t.Errorf("everything differs in %s", got)
	}
}

func TestProgressIsInStepsThatCanBeRead(t *testing.T) {
	layers := map[string]layer{"a": {12_345_678, 100_000_000}, "b": {7_000_000, 900_000_000}}
	if got := progress(layers); got != "10 of at least 1000 MB" {
		t.Error(got)
	}
}

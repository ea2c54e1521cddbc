package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		var h interface{ Hint() string }
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

func TestWhoListensAndSaysNothingIsGivenUp(t *testing.T) {
	silent, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	host := Host("unix://" + silent.Addr().String())
	_, err = open(t.Context(), plugintest.Env(t.TempDir()), host, 10*time.Millisecond)
	if _, passes := plugins.RetryAfter(err); !passes || err.Error() != "the docker engine at "+string(host)+" does not answer: nothing was heard of it for 10ms" {
		t.Errorf("it ends with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, plugintest.Env(t.TempDir()), host); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled it ends with %v", err)
	}
}

func TestAMomentBetweenTwoLivesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for text, times := range map[string]int{
			"cannot update a stopped container: unknown":                                3,
			"Could not kill running container, cannot remove - a is not running":        3,
			"removal of container a is already in progress":                             3,
			"runc did not terminate successfully: exit status 1: container not running": 3,
			"Cannot update container a: ttrpc: closed: unknown":                         3,
			"sandbox 718b2124 not found":                                                3,
			"no space left on device":                                                   1,
		} {
			asked := 0
			err := betweenLives(t.Context(), func() error {
				if asked++; asked == 3 {
					return nil
				}
				return errors.New(text)
			})
			if asked != times || (err == nil) != (times == 3) {
				t.Errorf("%s: asked %d times, %v", text, asked, err)
			}
		}
		// It is not waited for without an end, nor past that of ctx.
		if err := betweenLives(t.Context(), func() error { return errors.New("is not running") }); err == nil {
			t.Error("no error")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := betweenLives(ctx, func() error { return errors.New("is not running") }); err == nil || time.Since(began) != time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

func TestWhatVariablesSayIsConcealed(t *testing.T) {
	variables := []string{
		"GITLAB_ROOT_PASSWORD=hunter2", "A=x", "B=",
		"GITLAB_OMNIBUS_CONFIG=external_url 'http://gitlab.example.com'\ngitlab_rails['smtp_password'] = \"pa55\"; gitlab_rails['db'] = 's3cret'",
		"DATABASE=postgres://git:w0rd@db/gitlab",
	}
	for text, want := range map[string]string{
		"root has hunter2, x and GITLAB":           "root has ***, x and GITLAB",
		"smtp_password is pa55":                    "smtp_password is ***",
		"db: s3cret":                               "db: ***",
		"external_url 'http://gitlab.example.com'": "***",
		"connect w0rd":                             "connect ***",
	} {
		if got := concealed(text, variables); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := readable("\x1b[31mred\x1b[0m\t and\u0085 \xff" + strings.Repeat("y", 300)); got != "[31mred [0m and \uFFFD"+strings.Repeat("y", maxLine-17)+"…" {
		t.Errorf("it reads %q", got)
	}
}

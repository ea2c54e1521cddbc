package gitlabcedocker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest"
)

// The images that stand in for GitLab's. Like GitLab's, the last one checks its own health, which keeps a machine busy.
const (
	image     = "dtm.test/gitlab-ce:1"
	nextImage = "dtm.test/gitlab-ce:2"
	checked   = "dtm.test/gitlab-ce:checked"
)

// world is a Docker engine, of which every container whose name begins with that of the world is the world's.
type world struct {
	engine *parts.Engine
	name   string
	// home is where GitLab's data is to be. It is not there yet.
	home  string
	ports []uint16
	// line is the way to the engine.
	line *line
	env  plugins.Env
	kind plugins.Kind
}

var worlds atomic.Int64

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{
		engine: parts.Docker(t),
		name:   fmt.Sprintf("w%d", worlds.Add(1)),
		home:   filepath.Join(t.TempDir(), "gitlab"),
		ports:  parts.FreePorts(t, 3),
	}
	w.engine.GitLabUnchecked(t, image)
	w.engine.GitLabUnchecked(t, nextImage)
	w.engine.GitLab(t, checked)
	var host string
	w.line, host = newLine(t, w.engine.Host())
	w.env = plugintest.Env(t.TempDir())
	w.env.Getenv = func(name string) string { return map[string]string{"DOCKER_HOST": host}[name] }
	w.kind = New(w.env)
	t.Cleanup(func() {
		names, err := w.containers()
		if err != nil {
			t.Error(err)
		}
		for _, name := range names {
			w.remove(t, name)
		}
	})
	return w
}

// options are complete: as they are after the schema filled in its defaults.
func (w world) options(changes ...func(*Options)) Options {
	o := Options{
		Hostname: "gitlab.example.com", GitLabHome: w.home, SSHPort: w.ports[0], HTTPPort: w.ports[1], HTTPSPort: w.ports[2],
		Address: "127.0.0.1", ContainerName: w.name, Image: image, ShmSize: "64m", Volumes: []string{}, Restart: "always", Wait: true, Timeout: "5m",
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func withEnv(pairs ...string) func(*Options) {
	return func(o *Options) {
		o.Env = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			o.Env[pairs[i]] = pairs[i+1]
		}
	}
}

func (w world) create(t *testing.T, o Options) Resource {
	t.Helper()
	r, err := w.kind.Create(t.Context(), encode(o))
	must(t, err)
	return decode[Resource](r)
}

func (w world) update(t *testing.T, want, have Options, last Resource) Resource {
	t.Helper()
	r, err := w.kind.Update(t.Context(), encode(want), encode(have), encode(last))
	must(t, err)
	return decode[Resource](r)
}

func (w world) read(t *testing.T, o Options, last Resource) Resource {
	t.Helper()
	r, err := w.kind.Read(t.Context(), encode(o), encode(last))
	must(t, err)
	return decode[Resource](r)
}

func (w world) delete(t *testing.T, o Options, last Resource) {
	t.Helper()
	must(t, w.kind.Delete(t.Context(), encode(o), encode(last)))
}

// containers are the names of those that are the world's, sorted.
func (w world) containers() ([]string, error) {
	list, err := w.engine.Client().ContainerList(context.Background(), client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range list.Items {
		for _, name := range c.Names {
			if name = strings.TrimPrefix(name, "/"); name == w.name || strings.HasPrefix(name, w.name+"-") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

func (w world) mustHave(t *testing.T, want ...string) {
	t.Helper()
	got, err := w.containers()
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("there are the containers %q, want %q", got, want)
	}
}

// inspect looks at a container, past the plugin. It is nil if there is none.
func (w world) inspect(name string) (*container.InspectResponse, error) {
	r, err := w.engine.Client().ContainerInspect(context.Background(), name, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	return &r.Container, err
}

func (w world) mustInspect(t *testing.T, name string) *container.InspectResponse {
	t.Helper()
	c, err := w.inspect(name)
	must(t, err)
	if c == nil {
		t.Fatalf("there is no container %s", name)
	}
	return c
}

func (w world) remove(t *testing.T, name string) {
	t.Helper()
	_, err := w.engine.Client().ContainerRemove(context.Background(), name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

// byHand makes a container as `docker run` does, without any label. Each of nameless is where it sees a volume without a name.
func (w world) byHand(t *testing.T, name string, o Options, nameless ...string) string {
	t.Helper()
	volumes := map[string]struct{}{}
	for _, target := range nameless {
		volumes[target] = struct{}{}
	}
	bindings, exposed := network.PortMap{}, network.PortSet{}
	for inside, outside := range map[string]uint16{"22/tcp": o.SSHPort, "80/tcp": o.HTTPPort, "443/tcp": o.HTTPSPort} {
		binding := network.PortBinding{HostPort: fmt.Sprint(outside)}
		if o.Address != "" {
			binding.HostIP = netip.MustParseAddr(o.Address)
		}
		bindings[network.MustParsePort(inside)] = []network.PortBinding{binding}
		exposed[network.MustParsePort(inside)] = struct{}{}
	}
	made, err := w.engine.Client().ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name:   name,
		Config: &container.Config{Image: o.Image, Hostname: o.Hostname, ExposedPorts: exposed, Volumes: volumes},
		HostConfig: &container.HostConfig{
			Binds: append(bindingsOf(o.GitLabHome), o.Volumes...), PortBindings: bindings, ShmSize: 256 << 20,
			RestartPolicy: container.RestartPolicy{Name: "always"},
		},
	})
	must(t, err)
	_, err = w.engine.Client().ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{})
	must(t, err)
	return made.ID
}

func bindingsOf(home string) []string {
	return []string{home + "/config:/etc/gitlab", home + "/logs:/var/log/gitlab", home + "/data:/var/opt/gitlab"}
}

// starts is how often a GitLab has been started with the data in home.
func (w world) starts(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.home, "data", "starts"))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	must(t, err)
	return strings.Count(string(text), "\n")
}

// ready makes a GitLab ready that waits to be told so (STUB_READY_AFTER).
func (w world) ready(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(w.home, "data", "ready"), nil, 0o600))
}

// until waits until something is so, however slow the machine is.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// reports are what a verb said, in order.
type reports struct {
	mu    sync.Mutex
	lines []string
}

func (r *reports) listen(ctx context.Context) context.Context {
	return plugins.WithReport(ctx, r.add)
}

func (r *reports) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, text)
}

func (r *reports) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// mustSay checks an error and its hint.
func mustSay(t *testing.T, err error, text, hint string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error is %v, want %q in it", err, text)
		return
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && strings.Contains(hinted.Hint(), hint) {
		return
	}
	if hint != "" {
		t.Errorf("%v has not the hint %q", err, hint)
	}
}

func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func decode[T any](data json.RawMessage) T {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

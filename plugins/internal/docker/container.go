package docker

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// The labels of a container that dtm made.
const (
	// ownerLabel is the plugin whose container it is.
	ownerLabel = "io.devstream.dtm.plugin"
	// envLabel names the variables that were asked for, for the engine lists those of the image among them.
	envLabel = "io.devstream.dtm.env"
	// saltLabel is a random text of the container's own.
	saltLabel = "io.devstream.dtm.salt"
)

// Spec is what a container is made of.
type Spec struct {
	// Owner is the plugin whose container it is, and Name is the container's.
	Owner, Name string
	// Image is a reference, as in "gitlab/gitlab-ce:19.4.1-ce.0".
	Image    string
	Hostname string
	// Env are variables by name. Their values are secret.
	Env   map[string]string
	Ports []Port
	// Volumes are as in `docker run --volume`: "SOURCE:TARGET" or "SOURCE:TARGET:ro".
	Volumes []string
	// ShmSize is the size of /dev/shm in bytes.
	ShmSize int64
	// Restart is "no", "always", "unless-stopped" or "on-failure".
	Restart string
}

// Port is a TCP port of the container and the one of the engine's machine that leads there.
type Port struct {
	// Address is where the machine listens, "" for everywhere.
	Address         string
	Host, Container uint16
}

func (p Port) String() string {
	text := fmt.Sprintf("%d:%d", p.Host, p.Container)
	if p.Address != "" {
		text = p.Address + ":" + text
	}
	return text
}

// Container is a container that exists.
type Container struct {
	ID, Name string
	// Owner is the plugin of dtm whose container it is, "" for none.
	Owner string

	Image, Hostname string
	// Ports are as [Port.String] says, and Volumes as in `docker run --volume`, both sorted.
	Ports, Volumes []string
	// Env is a keyed hash of each variable that was asked for, by name. The key is kept with the container alone, so that
	// nobody who sees the hash can try passwords on it.
	Env     map[string]string
	ShmSize int64
	Restart string

	// Mounted are the folders of the machine that the container sees, by where it sees them.
	Mounted map[string]string

	// State is the engine's word: "created", "running", "paused", "restarting", "removing", "exited" or "dead".
	State string
	// ExitCode is of the last end, if there was one. Restarts is how often the engine has started it anew since.
	ExitCode, Restarts int
	// Health is "healthy", "unhealthy" or "starting", and "" for a container that is not checked. Checked is the first line
	// of what the last check said, without what the container's variables say.
	Health, Checked string

	salt string
}

// Running tells whether it runs, or is about to again by itself.
func (c *Container) Running() bool { return c.State == "running" || c.State == "restarting" }

// Inspect looks at a container. It returns nil, and no error, if there is none of that name.
func (e *Engine) Inspect(ctx context.Context, name string) (*Container, error) {
	result, err := e.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	// The engine finds containers by the beginning of their ID as well.
	if cerrdefs.IsNotFound(err) || err == nil && strings.TrimPrefix(result.Container.Name, "/") != name {
		return nil, nil
	}
	if err != nil {
		return nil, e.explain(err)
	}
	return observe(result.Container), nil
}

// observe is the one place that reads what the engine says of a container.
func observe(found container.InspectResponse) *Container {
	c := &Container{ID: found.ID, Name: strings.TrimPrefix(found.Name, "/"), Restarts: found.RestartCount, Mounted: map[string]string{}}
	var variables []string
	if config := found.Config; config != nil {
		variables = config.Env
		c.Owner, c.Image, c.Hostname, c.salt = config.Labels[ownerLabel], config.Image, config.Hostname, config.Labels[saltLabel]
		asked := strings.Split(config.Labels[envLabel], ",")
		for _, variable := range config.Env {
			name, value, _ := strings.Cut(variable, "=")
			if name != "" && slices.Contains(asked, name) {
				if c.Env == nil {
					c.Env = map[string]string{}
				}
				c.Env[name] = digest(c.salt, value)
			}
		}
	}
	if host := found.HostConfig; host != nil {
		c.Volumes, c.ShmSize = slices.Sorted(slices.Values(host.Binds)), host.ShmSize
		c.Restart = cmp.Or(string(host.RestartPolicy.Name), "no")
		for port, bindings := range host.PortBindings {
			for _, b := range bindings {
				c.Ports = append(c.Ports, published(port, b))
			}
		}
		slices.Sort(c.Ports)
	}
	for _, m := range found.Mounts {
		if m.Type == "bind" {
			c.Mounted[m.Destination] = m.Source
		}
	}
	if state := found.State; state != nil {
		c.State, c.ExitCode = string(state.Status), state.ExitCode
		if state.Health != nil && state.Health.Status != container.NoHealthcheck {
			c.Health = string(state.Health.Status)
			if n := len(state.Health.Log); n > 0 && state.Health.Log[n-1] != nil {
				said, _, _ := strings.Cut(strings.TrimSpace(state.Health.Log[n-1].Output), "\n")
				c.Checked = readable(concealed(said, variables))
			}
		}
	}
	return c
}

func published(port network.Port, binding network.PortBinding) string {
	text := binding.HostPort + ":" + port.Port()
	if binding.HostIP.IsValid() {
		text = binding.HostIP.String() + ":" + text
	}
	if port.Proto() != network.TCP {
		text += "/" + string(port.Proto())
	}
	return text
}

// Differs names what is not as wanted, sorted, in the words of [Spec]. It is nothing for a container that must not be made
// anew. Whether it runs is not asked, nor how it is restarted: both can be changed as it stands.
func (c *Container) Differs(want Spec) []string {
	var names []string
	add := func(name string, same bool) {
		if !same {
			names = append(names, name)
		}
	}
	add("env", maps.EqualFunc(c.Env, want.Env, func(have, want string) bool { return hmac.Equal([]byte(have), []byte(digest(c.salt, want))) }))
	add("hostname", c.Hostname == want.Hostname)
	add("image", c.Image == want.Image)
	add("ports", slices.Equal(c.Ports, want.ports()))
	add("shm_size", c.ShmSize == want.ShmSize)
	add("volumes", slices.Equal(c.Volumes, slices.Sorted(slices.Values(want.Volumes))))
	return names
}

func (s Spec) ports() []string {
	var all []string
	for _, p := range s.Ports {
		all = append(all, p.String())
	}
	slices.Sort(all)
	return all
}

func digest(salt, value string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(value))
	return hex.EncodeToString(mac.Sum(nil))
}

// create makes a container that does not run yet.
func (e *Engine) create(ctx context.Context, want Spec) (*Container, error) {
	config := &container.Config{
		Image: want.Image, Hostname: want.Hostname, ExposedPorts: network.PortSet{},
		Labels: map[string]string{
			ownerLabel: want.Owner,
			envLabel:   strings.Join(slices.Sorted(maps.Keys(want.Env)), ","),
			saltLabel:  rand.Text(),
		},
	}
	for _, name := range slices.Sorted(maps.Keys(want.Env)) {
		config.Env = append(config.Env, name+"="+want.Env[name])
	}
	host := &container.HostConfig{
		Binds: want.Volumes, ShmSize: want.ShmSize, PortBindings: network.PortMap{},
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(want.Restart)},
	}
	for _, p := range want.Ports {
		port, _ := network.PortFrom(p.Container, network.TCP)
		binding := network.PortBinding{HostPort: strconv.Itoa(int(p.Host))}
		if p.Address != "" {
			address, err := netip.ParseAddr(p.Address)
			if err != nil {
				return nil, err
			}
			binding.HostIP = address
		}
		config.ExposedPorts[port] = struct{}{}
		host.PortBindings[port] = append(host.PortBindings[port], binding)
	}
	_, err := e.api.ContainerCreate(ctx, client.ContainerCreateOptions{Name: want.Name, Config: config, HostConfig: host})
	if err != nil {
		return nil, e.explain(err)
	}
	made, err := e.Inspect(ctx, want.Name)
	if err == nil && made == nil {
		err = fmt.Errorf("container %s was removed by somebody else at once", want.Name)
	}
	return made, err
}

// start makes a container run that is stopped or paused. That it runs already is no error.
func (e *Engine) start(ctx context.Context, c *Container) error {
	if c.State == "paused" {
		_, err := e.api.ContainerUnpause(ctx, c.ID, client.ContainerUnpauseOptions{})
		return e.explain(err)
	}
	_, err := e.api.ContainerStart(ctx, c.ID, client.ContainerStartOptions{})
	return e.explain(err)
}

// stop ends a container and gives it time for that. That it is stopped, or gone, is no error.
func (e *Engine) stop(ctx context.Context, c *Container) error {
	if c.State == "paused" { // it would not hear that it is to end
		if err := e.start(ctx, c); err != nil {
			return err
		}
	}
	seconds := int(grace.Seconds())
	_, err := e.api.ContainerStop(ctx, c.ID, client.ContainerStopOptions{Timeout: &seconds})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return e.explain(err)
}

func (e *Engine) rename(ctx context.Context, c *Container, name string) error {
	return e.explain(betweenLives(ctx, func() error {
		_, err := e.api.ContainerRename(ctx, c.ID, client.ContainerRenameOptions{NewName: name})
		return err
	}))
}

// remove takes a container away, whatever its state. That it is gone is no error. What it keeps in folders and named
// volumes stays; volumes without a name, which nobody could find again, go with it if anonymous says so.
func (e *Engine) remove(ctx context.Context, c *Container, anonymous bool) error {
	err := betweenLives(ctx, func() error {
		_, err := e.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: anonymous})
		return err
	})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return e.explain(err)
}

// setRestart says when the engine starts the container again by itself.
func (e *Engine) setRestart(ctx context.Context, c *Container, policy string) error {
	return e.explain(betweenLives(ctx, func() error {
		_, err := e.api.ContainerUpdate(ctx, c.ID, client.ContainerUpdateOptions{
			RestartPolicy: &container.RestartPolicy{Name: container.RestartPolicyMode(policy)},
		})
		return err
	}))
}

// betweenLives does what the engine refuses for a container that ends again and again in the very moment between two of its
// lives: it waits for that moment to pass, which takes as long as the engine needs to notice.
func betweenLives(ctx context.Context, do func() error) error {
	const attempts, moment = 100, 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == attempts || !mortal.MatchString(err.Error()) {
			return err
		}
		select {
		case <-time.After(moment):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mortal is what the engine says in such a moment. It has no other sign of it.
var mortal = regexp.MustCompile(`stopped container|(is|container) not running|ttrpc: closed|sandbox \w+ not found|is already in progress`)

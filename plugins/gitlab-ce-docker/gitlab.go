// Package gitlabcedocker runs GitLab (Community Edition) as a container on a Docker engine.
//
// The container is what the options say and can be made anew at any time; all that GitLab keeps is in three folders, which
// every container of it sees (folders.go). A container is dtm's if it has dtm's label and those very folders (own.go): no
// other is ever touched, but for one that the user wants to be taken over.
package gitlabcedocker

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/docker"
)

//go:embed schema.cue
var schema string

const pluginName = "gitlab-ce-docker"

// Options is #Options of schema.cue.
type Options struct {
	Hostname          string            `json:"hostname"`
	GitLabHome        string            `json:"gitlab_home"`
	SSHPort           uint16            `json:"ssh_port"`
	HTTPPort          uint16            `json:"http_port"`
	HTTPSPort         uint16            `json:"https_port"`
	Address           string            `json:"address"`
	RmDataAfterDelete bool              `json:"rm_data_after_delete"`
	ContainerName     string            `json:"container_name"`
	Image             string            `json:"image"`
	Env               map[string]string `json:"env"`
	ShmSize           string            `json:"shm_size"`
	Volumes           []string          `json:"volumes"`
	Restart           string            `json:"restart"`
	Adopt             bool              `json:"adopt"`
	Wait              bool              `json:"wait"`
	Timeout           string            `json:"timeout"`
	DockerHost        string            `json:"docker_host"`
}

// Outputs is #Outputs of schema.cue.
type Outputs struct {
	URL       string `json:"url"`
	SSHURL    string `json:"sshURL"`
	Container string `json:"container"`
}

// New makes the plugin. It uses the environment for where the engine is, and the HTTP client to ask GitLab whether it is
// ready.
func New(env plugins.Env) plugins.Kind {
	return plugins.New(pluginName, schema, plugin{env: env})
}

type plugin struct {
	env plugins.Env
}

var (
	_ plugins.Plugin[Options, Resource]    = plugin{}
	_ plugins.Successor[Options, Resource] = plugin{}
	_ plugins.Identifier[Options]          = plugin{}
	_ plugins.Previewer[Options, Resource] = plugin{}
)

// Identity is the container's name on its engine.
func (p plugin) Identity(o Options) string {
	if o.ContainerName == "" {
		return ""
	}
	return string(docker.Find(p.env, o.DockerHost)) + "/" + o.ContainerName
}

// Create makes the container, or makes the one that an earlier, interrupted Create left into what is wanted.
func (p plugin) Create(ctx context.Context, want Options) (Resource, error) {
	return p.put(ctx, want, "")
}

// Read looks at the container that is remembered, which is not the wanted one while a new name waits for its Update.
func (p plugin) Read(ctx context.Context, want Options, last Resource) (Resource, error) {
	want = completed(want)
	name := last.Outputs.Container
	if name == "" {
		name = want.ContainerName
	}
	engine, err := p.open(ctx, want)
	if err != nil {
		return Resource{}, err
	}
	defer engine.Close()
	c, err := engine.Inspect(ctx, name)
	if err != nil {
		return Resource{}, err
	}
	if c == nil {
		return Resource{}, fmt.Errorf("container %s: %w", name, plugins.ErrNotFound)
	}
	// One without the label may be DevStream's, or be taken over some day. Its data tells that it is this GitLab.
	if !keeps(c, want.GitLabHome) {
		return Resource{}, fmt.Errorf("the container %s does not have its data in %s and is not this tool's: %w", name, want.GitLabHome, plugins.ErrNotFound)
	}
	return observe(c), nil
}

// Update makes the container anew if what it is made of has changed, and changes it as it stands otherwise. The data stays.
func (p plugin) Update(ctx context.Context, want, have Options, last Resource) (Resource, error) {
	former := have.ContainerName
	if former == "" {
		former = last.Outputs.Container
	}
	return p.put(ctx, want, former)
}

// Delete removes the container, and the data if that was asked for. The image stays.
func (p plugin) Delete(ctx context.Context, have Options, last Resource) error {
	have = completed(have)
	if last.Outputs.Container != "" {
		have.ContainerName = last.Outputs.Container
	}
	engine, err := p.open(ctx, have)
	if err != nil {
		return err
	}
	defer engine.Close()
	for _, name := range []string{have.ContainerName, docker.Spare(have.ContainerName)} {
		if err := remove(ctx, engine, name, have); err != nil {
			return err
		}
	}
	if !have.RmDataAfterDelete {
		return nil
	}
	if err := removable(docker.Find(p.env, have.DockerHost)); err != nil {
		return err
	}
	return removeFolders(ctx, have.GitLabHome)
}

// Succeed takes over DevStream's resource. What that does not tell, as the image, is taken from the container as it is now:
// whatever it was made of, it is what DevStream left.
func (p plugin) Succeed(ctx context.Context, have Options, old []byte) (Resource, error) {
	var was struct {
		ContainerRunning             bool   `json:"containerRunning"`
		Volumes                      string `json:"volumes"`
		Hostname                     string `json:"hostname"`
		SSHPort, HTTPPort, HTTPSPort string
	}
	if err := json.Unmarshal(old, &was); err != nil {
		return Resource{}, fmt.Errorf("resource of DevStream: %w", err)
	}
	have = completed(have)
	if folders := strings.Split(was.Volumes, ","); was.Volumes != "" {
		have.GitLabHome = path.Dir(folders[0])
	}
	engine, err := p.open(ctx, have)
	if err != nil {
		return Resource{}, err
	}
	defer engine.Close()
	c, err := engine.Inspect(ctx, have.ContainerName)
	if err != nil {
		return Resource{}, err
	}
	if c == nil {
		c = &docker.Container{Image: "gitlab/gitlab-ce:rc", Restart: "always", ShmSize: 256 << 20}
	}
	c.Name, c.Hostname, c.State = have.ContainerName, was.Hostname, "exited"
	if was.ContainerRunning {
		c.State = "running"
	}
	c.Volumes = append(bindings(have.GitLabHome), extras(c.Volumes)...)
	slices.Sort(c.Volumes)
	c.Ports = []string{was.SSHPort + ":22", was.HTTPPort + ":80", was.HTTPSPort + ":443"}
	slices.Sort(c.Ports)
	return observe(c), nil
}

// put makes the container into what is wanted. former is the name that it had, if that may be another one.
func (p plugin) put(ctx context.Context, want Options, former string) (Resource, error) {
	spec, err := p.check(want)
	if err != nil {
		return Resource{}, err
	}
	engine, err := p.open(ctx, want)
	if err != nil {
		return Resource{}, err
	}
	defer engine.Close()
	if former != "" && former != want.ContainerName {
		if err := move(ctx, engine, former, want); err != nil {
			return Resource{}, err
		}
	}
	if err := alone(ctx, engine, want); err != nil {
		return Resource{}, err
	}
	if docker.Find(p.env, want.DockerHost).Local() {
		if err := makeFolders(want); err != nil {
			return Resource{}, err
		}
	}
	c, err := engine.Put(ctx, docker.Job{
		Want:  spec,
		Mine:  func(c *docker.Container) error { return mine(c, want) },
		Ready: func(ctx context.Context) error { return p.ready(ctx, engine, want) },
	})
	if err != nil {
		return Resource{}, err
	}
	return observe(c), nil
}

func (p plugin) open(ctx context.Context, o Options) (*docker.Engine, error) {
	return docker.Open(ctx, p.env, docker.Find(p.env, o.DockerHost))
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// gitLabImage is the image that gitlab-ce-docker has by default. In scripts another one stands in for it.
const gitLabImage = "gitlab/gitlab-ce:19.4.1-ce.0"

// The commands of the scripts that need a Docker engine. None may be negated unless it says so. Scripts share the engine:
// each has containers of its own.
var dockerCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// docker CONTAINER...: from now on there is a Docker engine that has the image of GitLab, and nothing of these names, which
	// go with the script. SSH_PORT, HTTP_PORT and HTTPS_PORT are free.
	"docker": func(ts *testscript.TestScript, _ bool, args []string) {
		e := parts.Docker(tb(ts))
		e.GitLab(tb(ts), gitLabImage)
		ts.Setenv("DOCKER_HOST", e.Host())
		ports := parts.FreePorts(tb(ts), 3)
		for i, name := range []string{"SSH_PORT", "HTTP_PORT", "HTTPS_PORT"} {
			ts.Setenv(name, fmt.Sprint(ports[i]))
		}
		ts.Defer(func() {
			for _, name := range args {
				ts.Check(removeContainer(e, name))
				ts.Check(removeContainer(e, name+"-dtm-old"))
				_, err := e.Client().VolumeRemove(context.Background(), name+"-volume", moby.VolumeRemoveOptions{})
				if !errdefs.IsNotFound(err) {
					ts.Check(err)
				}
			}
		})
	},
	// docker-run NAME [PORT]: somebody runs a container with a volume NAME-volume, which serves HTTP at the machine's port.
	"docker-run": func(ts *testscript.TestScript, _ bool, args []string) {
		api := parts.Docker(tb(ts)).Client()
		host := &container.HostConfig{Binds: []string{args[0] + "-volume:/var/opt/gitlab"}, PortBindings: network.PortMap{}}
		if len(args) > 1 {
			host.PortBindings[network.MustParsePort("80/tcp")] = []network.PortBinding{{HostPort: args[1]}}
		}
		_, err := api.ContainerCreate(context.Background(), moby.ContainerCreateOptions{
			Name: args[0], Config: &container.Config{Image: gitLabImage}, HostConfig: host,
		})
		ts.Check(err)
		_, err = api.ContainerStart(context.Background(), args[0], moby.ContainerStartOptions{})
		ts.Check(err)
	},
	// docker-stop NAME: somebody stops a container.
	"docker-stop": func(ts *testscript.TestScript, _ bool, args []string) {
		_, err := parts.Docker(tb(ts)).Client().ContainerStop(context.Background(), args[0], moby.ContainerStopOptions{})
		ts.Check(err)
	},
	// docker-remove NAME: somebody removes a container.
	"docker-remove": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(removeContainer(parts.Docker(tb(ts)), args[0]))
	},
	// container NAME: there is a container of that name, and it runs. With !, there is none. [!]
	"container": func(ts *testscript.TestScript, neg bool, args []string) {
		found, err := parts.Docker(tb(ts)).Client().ContainerInspect(context.Background(), args[0], moby.ContainerInspectOptions{})
		switch {
		case errdefs.IsNotFound(err) && neg:
			return
		case err != nil:
			ts.Fatalf("container %s: %v", args[0], err)
		}
		if neg || !found.Container.State.Running {
			ts.Fatalf("container %s is %s", args[0], found.Container.State.Status)
		}
	},
	// docker-has VOLUME-OR-IMAGE...: the engine has such a volume, or image. [!]
	"docker-has": func(ts *testscript.TestScript, neg bool, args []string) {
		api := parts.Docker(tb(ts)).Client()
		for _, name := range args {
			_, err := api.VolumeInspect(context.Background(), name, moby.VolumeInspectOptions{})
			if strings.Contains(name, ":") {
				_, err = api.ImageInspect(context.Background(), name)
			}
			if err != nil && !errdefs.IsNotFound(err) {
				ts.Check(err)
			}
			if (err == nil) == neg {
				ts.Fatalf("%s is there: %t", name, err == nil)
			}
		}
	},
}

// removeContainer removes a container, whatever its state. That there is none is no error.
func removeContainer(e *parts.Engine, name string) error {
	_, err := e.Client().ContainerRemove(context.Background(), name, moby.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

package gitlabcedocker

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/docker"
)

// data are the subfolders of gitlab_home, and where GitLab sees them.
var data = []struct{ folder, target string }{
	{"config", "/etc/gitlab"},
	{"logs", "/var/log/gitlab"},
	{"data", "/var/opt/gitlab"},
}

// bindings are the volumes that GitLab keeps everything in.
func bindings(home string) []string {
	var all []string
	for _, d := range data {
		all = append(all, path.Join(home, d.folder)+":"+d.target)
	}
	return all
}

// extras are the volumes that are none of those.
func extras(volumes []string) []string {
	var all []string
	for _, v := range volumes {
		if !slices.Contains(targets(), target(v)) {
			all = append(all, v)
		}
	}
	return all
}

// target is where the container sees a volume "SOURCE:TARGET[:MODE]".
func target(volume string) string {
	parts := strings.Split(volume, ":")
	if len(parts) < 2 {
		return ""
	}
	return path.Clean(parts[1])
}

func targets() []string {
	var all []string
	for _, d := range data {
		all = append(all, d.target)
	}
	return all
}

// keeps tells whether a container has its data in home.
func keeps(c *docker.Container, home string) bool {
	for _, d := range data {
		if source := c.Mounted[d.target]; source == "" || path.Clean(source) != path.Join(home, d.folder) {
			return false
		}
	}
	return true
}

// mine returns an error for a container that must not be touched.
func mine(c *docker.Container, o Options) error {
	keeps := keeps(c, o.GitLabHome)
	switch {
	case keeps && (c.Owner == pluginName || o.Adopt):
		return nil
	case keeps:
		return plugins.Hinted(fmt.Errorf("the container %s has its data in %s, but dtm has not made it", c.Name, o.GitLabHome),
			"adopt: true takes it over, with its data")
	case c.Owner == pluginName:
		return plugins.Hinted(fmt.Errorf("the container %s is another tool's: its data is in %s", c.Name, path.Dir(c.Mounted[data[0].target])),
			"choose another container_name")
	}
	return plugins.Hinted(fmt.Errorf("there is a container %s already, and dtm has not made it", c.Name),
		"choose another container_name, or remove that container by hand; only one with its data in "+o.GitLabHome+" can be taken over (adopt)")
}

// alone returns an error if a container of another name works on the data: two GitLabs on one folder destroy it. Such is one
// that was renamed by hand, or another tool that was not given a folder of its own.
func alone(ctx context.Context, engine *docker.Engine, o Options) error {
	last := data[len(data)-1]
	names, err := engine.Using(ctx, path.Join(o.GitLabHome, last.folder), last.target)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != o.ContainerName && name != docker.Spare(o.ContainerName) {
			return plugins.Hinted(fmt.Errorf("the container %s works on the data in %s already", name, o.GitLabHome),
				"two GitLabs must not share it: choose another gitlab_home, or stop that container; one that is this GitLab under another name gets its name back with `docker rename "+name+" "+o.ContainerName+"`")
		}
	}
	return nil
}

// remove takes a container away if it is this tool's. One that is not stays, and is no error unless it has this tool's
// data: to say that GitLab is gone would not be true then.
func remove(ctx context.Context, engine *docker.Engine, name string, o Options) error {
	c, err := engine.Inspect(ctx, name)
	if c == nil || err != nil {
		return err
	}
	if err := mine(c, o); err != nil {
		if keeps(c, o.GitLabHome) {
			return plugins.Hinted(err, "set adopt: true and apply once, so that it is taken over, or remove the container by hand")
		}
		plugins.Report(ctx, "the container "+name+" is not this tool's and stays")
		return nil
	}
	return engine.Remove(ctx, c)
}

// move gives the container of this tool its new name. What waits to be replaced by it moves along.
func move(ctx context.Context, engine *docker.Engine, former string, want Options) error {
	for _, way := range [][2]string{{former, want.ContainerName}, {docker.Spare(former), docker.Spare(want.ContainerName)}} {
		from, err := engine.Inspect(ctx, way[0])
		if err != nil {
			return err
		}
		if from == nil || mine(from, want) != nil {
			continue
		}
		to, err := engine.Inspect(ctx, way[1])
		if err != nil {
			return err
		}
		if to == nil {
			err = engine.Rename(ctx, from, way[1])
		} else if err = mine(to, want); err == nil {
			// Two of them must not work on one folder.
			err = engine.Remove(ctx, from)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package docker

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// Using are the names of the containers that run, or are paused, and write to a folder of the engine's machine, which they
// see at target. They are sorted.
func (e *Engine) Using(ctx context.Context, folder, target string) ([]string, error) {
	list, err := e.api.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, e.explain(err)
	}
	var names []string
	for _, c := range list.Items {
		for _, m := range c.Mounts {
			if m.RW && path.Clean(m.Source) == path.Clean(folder) && path.Clean(m.Destination) == target && len(c.Names) > 0 {
				names = append(names, strings.TrimPrefix(c.Names[0], "/"))
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

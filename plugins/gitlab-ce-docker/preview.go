package gitlabcedocker

import (
	"context"
	"fmt"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/docker"
)

// Preview tells what would happen to the container: whether GitLab would be away meanwhile is what people want to know.
func (p plugin) Preview(ctx context.Context, want, have Options, last Resource) (plugins.Preview, error) {
	spec, err := p.check(want)
	if err != nil {
		return plugins.Preview{}, err
	}
	engine, err := p.open(ctx, want)
	if err != nil {
		return plugins.Preview{}, err
	}
	defer engine.Close()
	var preview plugins.Preview
	c, err := found(ctx, engine, want, have, last)
	if err != nil {
		return plugins.Preview{}, err
	}
	name := "container " + want.ContainerName
	switch fields := differs(c, spec); {
	case c == nil:
		preview.Parts = []plugins.Part{{Action: plugins.PartCreate, Name: name}}
	case len(c.Differs(spec)) > 0:
		preview.Parts = []plugins.Part{{Action: plugins.PartUpdate, Name: name, Fields: fields}}
		preview.Notes = append(preview.Notes, fmt.Sprintf("the container is made anew: GitLab is away until the new one is ready, the data stays in %s", want.GitLabHome))
	case len(fields) > 0:
		preview.Parts = []plugins.Part{{Action: plugins.PartUpdate, Name: name, Fields: fields}}
	}
	if c == nil || len(c.Differs(spec)) > 0 {
		has, err := engine.HasImage(ctx, want.Image)
		if err != nil {
			return plugins.Preview{}, err
		}
		if !has {
			preview.Notes = append(preview.Notes, "the image "+want.Image+" is pulled first")
		}
	}
	return preview, nil
}

// found is the container that there is, under its name of today or of before.
func found(ctx context.Context, engine *docker.Engine, want, have Options, last Resource) (*docker.Container, error) {
	for _, name := range []string{want.ContainerName, have.ContainerName, last.Outputs.Container} {
		if name == "" {
			continue
		}
		c, err := engine.Inspect(ctx, name)
		if c == nil && err == nil {
			continue
		}
		if err == nil {
			err = mine(c, want)
		}
		return c, err
	}
	return nil, nil
}

// differs names all that would change, also what can be changed as it stands.
func differs(c *docker.Container, want docker.Spec) []string {
	if c == nil {
		return nil
	}
	fields := c.Differs(want)
	if c.Name != want.Name {
		fields = append(fields, "container_name")
	}
	if c.Restart != want.Restart {
		fields = append(fields, "restart")
	}
	if !c.Running() {
		fields = append(fields, "running")
	}
	return fields
}

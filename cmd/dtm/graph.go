package main

import (
	"context"
	"io"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/graph"
	"github.com/devstream-io/dtm/schema"
)

type graphCmd struct {
	configFlags
	Output   string `short:"o" enum:"dot,mermaid,json" default:"dot" placeholder:"FORMAT" help:"dot (for Graphviz), mermaid or json."`
	Parallel int    `default:"${parallel}" placeholder:"N" help:"How many tools are read at the same time (default ${parallel})."`
}

// Run prints the graph. Where something is recorded, what would change is coloured.
func (c *graphCmd) Run(ctx context.Context, a *app) error {
	p, err := a.read(ctx, &c.configFlags, c.Parallel)
	if err != nil {
		return err
	}
	if _, err := engine.Graph(p.config); err != nil {
		return err
	}
	actions, nodes, err := p.pending(ctx)
	if err != nil {
		// The graph of the configuration needs no state, so it is drawn without colours.
		a.screen.Warn("The state could not be read, so nothing is coloured: %v", err)
	}
	g, err := graph.New(nodes)
	if err != nil {
		return err
	}
	d := graph.Drawing{
		Title: "dtm",
		Label: func(id string) []string { return []string{schema.ID(id).Instance(), schema.ID(id).Plugin()} },
		Color: func(id string) string { return colourOf(actions[schema.ID(id)]) },
	}
	draw := g.DOT
	switch c.Output {
	case "mermaid":
		draw = g.Mermaid
	case "json":
		draw = g.JSON
	}
	return a.print(func(w io.Writer) error { return draw(w, d) })
}

// pending are the actions of the plan and the nodes to draw: the configuration's, and what is to be deleted.
func (p *project) pending(ctx context.Context) (map[schema.ID]engine.Action, []graph.Node, error) {
	actions := map[schema.ID]engine.Action{}
	var nodes []graph.Node
	known := map[schema.ID]bool{}
	add := func(id schema.ID, needs []schema.ID) {
		node := graph.Node{ID: string(id)}
		for _, need := range needs {
			node.Needs = append(node.Needs, string(need))
		}
		known[id] = true
		nodes = append(nodes, node)
	}
	for i := range p.config.Tools {
		add(p.config.Tools[i].ID, p.config.Tools[i].Needs())
	}
	if err := p.openStore(ctx); err != nil {
		return actions, nodes, err
	}
	state, err := p.store.Load(ctx)
	if err != nil || state.Serial == 0 {
		return actions, nodes, err
	}
	plan, err := p.engine.Plan(ctx, p.config, state, engine.PlanOptions{AllowEmpty: true})
	if err != nil {
		return actions, nodes, err
	}
	zerolog.Ctx(ctx).Debug().Int("changes", plan.Count()).Msg("planned")
	for i := range plan.Changes {
		c := &plan.Changes[i]
		actions[c.ID] = c.Action
		known[c.ID] = true
	}
	for i := range plan.Changes {
		if c := &plan.Changes[i]; c.Action == engine.Delete {
			var needs []schema.ID
			for _, need := range c.DependsOn {
				if known[need] {
					needs = append(needs, need)
				}
			}
			add(c.ID, needs)
		}
	}
	return actions, nodes, nil
}

// colourOf are light fills, so that black text stays readable on them.
func colourOf(a engine.Action) string {
	switch a {
	case engine.Create:
		return "#c8e6c9"
	case engine.Update:
		return "#fff3c4"
	case engine.Replace:
		return "#e1c8ee"
	case engine.Delete:
		return "#ffcdd2"
	case engine.NoOp:
	}
	return ""
}

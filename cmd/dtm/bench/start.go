package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// start measures what is over before anybody waits: commands that load nothing, and the first word of those that do.
func (b *bench) start(ctx context.Context) error {
	dir, err := b.toolchain(flat, b.most())
	if err != nil {
		return err
	}
	defer b.drop(dir)
	type starter func(ctx context.Context, dir, program string, args ...string) (sample, error)
	for _, c := range []struct {
		what  string
		start starter
		value func(sample) time.Duration
		limit time.Duration
		args  []string
	}{
		{"`dtm version`", process, wall, 50 * time.Millisecond, []string{"version"}},
		{"`dtm completion bash`", process, wall, 50 * time.Millisecond, []string{"completion", "bash"}},
		{"completion of a word (`dtm __complete`)", process, wall, 50 * time.Millisecond, []string{"__complete", "--", "pl"}},
		{fmt.Sprintf("first word of `apply` of %d tools, in a pipe", b.most()), process, first, 100 * time.Millisecond, []string{"apply", "-y", "-f", yamlFile}},
		{fmt.Sprintf("first word of `plan` of %d tools in YAML, on a terminal", b.most()), onTerminal, first, 100 * time.Millisecond, []string{"plan", "-f", yamlFile}},
		{fmt.Sprintf("first word of `plan` of %d tools in CUE, on a terminal", b.most()), onTerminal, first, 100 * time.Millisecond, []string{"plan", "-f", cueFile}},
	} {
		rounds := b.rounds
		if c.limit == 50*time.Millisecond {
			rounds *= 4
		}
		var took []time.Duration
		for range rounds {
			s, err := c.start(ctx, dir, b.dtm, c.args...)
			if err != nil {
				return err
			}
			took = append(took, c.value(s))
		}
		b.say("%s: %s", c.what, span(slices.Min(took)))
		b.table.under(c.what, span(slices.Min(took)), span(c.limit))
	}
	return nil
}

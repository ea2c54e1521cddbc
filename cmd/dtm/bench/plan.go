package main

import (
	"context"
	"fmt"
	"time"
)

// plan measures `dtm plan` where there is nothing to do, in both forms of one toolchain.
func (b *bench) plan(ctx context.Context) error {
	n := b.most()
	dir, err := b.toolchain(flat, n)
	if err != nil {
		return err
	}
	defer b.drop(dir)
	if _, err := b.applyIn(ctx, dir, n); err != nil {
		return err
	}
	var yaml, cue []sample
	for range b.rounds {
		for _, form := range []struct {
			file    string
			samples *[]sample
		}{{yamlFile, &yaml}, {cueFile, &cue}} {
			took, err := b.nothingToDo(ctx, dir, form.file)
			if err != nil {
				return err
			}
			b.say("no-op plan of %d in %s: %s, CPU %s, %s", n, form.file, span(took.wall), span(took.cpu), amount(took.rss))
			*form.samples = append(*form.samples, took)
		}
	}
	what := fmt.Sprintf("no-op `plan` of %d tools in ", n)
	b.table.under(what+"YAML, CPU", span(median(each(yaml, cpu))), span(3*time.Second))
	b.table.under(what+"YAML, peak memory", amount(median(each(yaml, rss))), amount(400<<20))
	b.table.under(what+"CUE, CPU", span(median(each(cue, cpu))), span(8*time.Second))
	return nil
}

// nothingToDo plans, and fails if there is something to do.
func (b *bench) nothingToDo(ctx context.Context, dir, file string) (sample, error) {
	return process(ctx, dir, b.dtm, "plan", "--detailed-exitcode", "-f", file)
}

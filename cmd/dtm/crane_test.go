package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/all"
)

// crane is a plugin that stacks so many crates in a file, looks ahead, tells how far it is, and has a status. The variable
// CRANE_SLOW says how long each crate takes, CRANE_LATEST which colour is the latest.
type crane struct{ env plugins.Env }

const craneCUE = `package crane

#Options: {
	// The name.
	name!: string
	// How many.
	crates!: int & >=0
	// The colour; the latest one if it is empty.
	colour: string | *""
}

#Outputs: {
	// The name.
	name: string
}

#Sample: #Options & {name: "a", crates: 1}
`

type craneOptions struct {
	Name   string `json:"name"`
	Crates int    `json:"crates"`
	Colour string `json:"colour"`
}

type craneResource struct {
	Crates  int               `json:"crates"`
	Status  craneStatus       `json:"status"`
	Outputs map[string]string `json:"outputs"`
}

type craneStatus struct {
	Weather string `json:"weather"`
}

func (c crane) path(name string) string { return filepath.Join(c.env.Dir, "stack-"+name) }

func (c crane) resource(o craneOptions, crates int) craneResource {
	return craneResource{Crates: crates, Status: craneStatus{c.env.Getenv("CRANE_WEATHER")}, Outputs: map[string]string{"name": o.Name}}
}

func (c crane) Preview(_ context.Context, want, have craneOptions, last craneResource) (plugins.Preview, error) {
	if c.env.Getenv("CRANE_BLIND") != "" {
		return plugins.Preview{}, errors.New("it is foggy")
	}
	var p plugins.Preview
	if want.Colour == "" {
		p.Settled = []plugins.Fact{{Name: "colour", Value: c.env.Getenv("CRANE_LATEST")}}
	}
	for i := range max(want.Crates, last.Crates) {
		part := plugins.Part{Action: plugins.PartCreate, Name: fmt.Sprintf("Crate %s/%d", want.Name, i+1)}
		switch {
		case i >= want.Crates:
			part.Action = plugins.PartDelete
		case i < last.Crates && want.Colour == have.Colour:
			continue
		case i < last.Crates:
			part.Action, part.Fields = plugins.PartUpdate, []string{"paint.colour", "paint.date"}
		}
		p.Parts = append(p.Parts, part)
	}
	if want.Crates > 20 {
		p.Notes = []string{"that is high"}
	}
	return p, nil
}

func (c crane) Create(ctx context.Context, want craneOptions) (craneResource, error) {
	pause, _ := time.ParseDuration(c.env.Getenv("CRANE_SLOW"))
	for i := range want.Crates {
		plugins.Report(ctx, fmt.Sprintf("%d of %d crates stacked: waiting for number %d", i, want.Crates, i+1))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return craneResource{}, ctx.Err()
		}
	}
	return c.resource(want, want.Crates), os.WriteFile(c.path(want.Name), []byte(strconv.Itoa(want.Crates)), 0o600)
}

func (c crane) Read(_ context.Context, want craneOptions, _ craneResource) (craneResource, error) {
	data, err := os.ReadFile(c.path(want.Name))
	if err != nil {
		return craneResource{}, fmt.Errorf("%w: %w", plugins.ErrNotFound, err)
	}
	crates, err := strconv.Atoi(strings.TrimSpace(string(data)))
	return c.resource(want, crates), err
}

func (c crane) Update(ctx context.Context, want, _ craneOptions, _ craneResource) (craneResource, error) {
	return c.Create(ctx, want)
}

func (c crane) Delete(ctx context.Context, have craneOptions, _ craneResource) error {
	plugins.Report(ctx, "clearing the yard")
	if err := os.Remove(c.path(have.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// craneMain is dtm with that plugin.
func craneMain() {
	a := newApp()
	a.plugins = func(env plugins.Env) (plugins.Set, error) {
		set, err := all.Set(env)
		if err == nil {
			set["crane"] = plugins.New("crane", craneCUE, crane{env})
		}
		return set, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	os.Exit(a.execute(ctx))
}

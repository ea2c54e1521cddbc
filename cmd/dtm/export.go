package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

type exportCmd struct {
	configFlags
	Output string `short:"o" enum:"yaml" default:"yaml" placeholder:"FORMAT" help:"yaml: the form of DevStream 0.5 to 0.9, in one file."`
}

// Run prints the configuration with its defaults left out. It has no variables: they have been filled in.
func (c *exportCmd) Run(ctx context.Context, a *app) error {
	p, err := a.read(ctx, &c.configFlags, 1)
	if err != nil {
		return err
	}
	tools := make([]exportedTool, len(p.config.Tools))
	for i := range p.config.Tools {
		t := &p.config.Tools[i]
		options, err := p.loader.WithoutDefaults(t.ID.Plugin(), t.Options)
		if err != nil {
			return err
		}
		tools[i] = exportedTool{Name: t.ID.Plugin(), InstanceID: t.ID.Instance(), DependsOn: t.DependsOn, Options: options}
		if unsaid := p.loader.DefaultLifecycle(t.ID.Plugin()); !t.Lifecycle.Equal(unsaid) {
			tools[i].Lifecycle = exportLifecycle(t.Lifecycle)
		}
	}
	return a.print(func(w io.Writer) error {
		if err := compat.EncodeYAML(w, exportCore(p.config)); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, "---"); err != nil {
			return err
		}
		return compat.EncodeYAML(w, struct {
			Tools []exportedTool `json:"tools"`
		}{tools})
	})
}

// exportedTool is a tool as DevStream has it.
type exportedTool struct {
	Name       string             `json:"name"`
	InstanceID string             `json:"instanceID"`
	DependsOn  []schema.ID        `json:"dependsOn,omitempty"`
	Lifecycle  *exportedLifecycle `json:"lifecycle,omitempty"`
	Options    json.RawMessage    `json:"options"`
}

// exportedLifecycle has durations as the schema has them.
type exportedLifecycle struct {
	Timeout        string   `json:"timeout,omitempty"`
	Retries        int      `json:"retries"`
	Backoff        string   `json:"backoff"`
	PreventDestroy bool     `json:"preventDestroy"`
	KeepOnDelete   bool     `json:"keepOnDelete,omitempty"`
	IgnoreChanges  []string `json:"ignoreChanges,omitempty"`
}

func exportLifecycle(l schema.Lifecycle) *exportedLifecycle {
	e := &exportedLifecycle{
		Retries: l.Retries, Backoff: l.Backoff.String(), PreventDestroy: l.PreventDestroy,
		KeepOnDelete: l.KeepOnDelete, IgnoreChanges: l.IgnoreChanges,
	}
	if l.Timeout > 0 {
		e.Timeout = l.Timeout.String()
	}
	return e
}

// exportedCore is what stands beside the tools.
type exportedCore struct {
	State   exportedState             `json:"state"`
	Plugins map[string]exportedSource `json:"plugins,omitempty"`
}

type exportedState struct {
	Backend    string              `json:"backend"`
	Options    map[string]any      `json:"options"`
	Retention  *int                `json:"retention,omitempty"`
	Encryption *exportedEncryption `json:"encryption,omitempty"`
}

type exportedEncryption struct {
	Recipients    []string `json:"recipients,omitempty"`
	IdentityEnv   string   `json:"identityEnv,omitempty"`
	PassphraseEnv string   `json:"passphraseEnv,omitempty"`
}

type exportedSource struct {
	Source  string `json:"source"`
	Version string `json:"version,omitempty"`
	Key     string `json:"key,omitempty"`
}

func exportCore(config *schema.Config) exportedCore {
	s := config.State
	core := exportedCore{State: exportedState{Backend: s.Backend, Options: map[string]any{}}}
	for name, value := range map[string]string{
		"stateFile": s.StateFile, "bucket": s.Bucket, "key": s.Key, "region": s.Region,
		"endpoint": s.Endpoint, "profile": s.Profile, "kmsKeyID": s.KMSKeyID,
	} {
		if value != "" {
			core.State.Options[name] = value
		}
	}
	if s.PathStyle {
		core.State.Options["pathStyle"] = true
	}
	if s.Retention != schema.DefaultRetention {
		core.State.Retention = &s.Retention
	}
	if e := s.Encryption; len(e.Recipients) > 0 || e.PassphraseEnv != "" {
		core.State.Encryption = &exportedEncryption{Recipients: e.Recipients, IdentityEnv: e.IdentityEnv, PassphraseEnv: e.PassphraseEnv}
	}
	for _, p := range config.Plugins {
		if core.Plugins == nil {
			core.Plugins = map[string]exportedSource{}
		}
		core.Plugins[p.Name] = exportedSource{Source: p.Source, Version: p.Version, Key: p.Key}
	}
	return core
}

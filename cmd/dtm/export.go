package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/schema"
)

type exportCmd struct {
	configFlags
	Output string `short:"o" enum:"yaml" default:"yaml" placeholder:"FORMAT" help:"yaml: the form of DevStream 0.5 to 0.9, in one file."`
}

// Help says what an export leaves out.
func (*exportCmd) Help() string {
	return `Options that are the default of their plugin here are left out. Variables and tags are filled in, and CUE's comments are not
kept. What DevStream itself would not understand is told on standard error.`
}

// Run prints the configuration with its defaults left out. It has no variables: they have been filled in. What DevStream
// itself would not understand is told.
func (c *exportCmd) Run(ctx context.Context, a *app) error {
	p, err := a.read(ctx, &c.configFlags, 1)
	if err != nil {
		return err
	}
	tools, err := p.exportTools()
	if err != nil {
		return err
	}
	core := exportCore(p.config)
	if err := a.print(func(w io.Writer) error { return writeExport(w, core, tools) }); err != nil {
		return err
	}
	if news := p.unknownToDevStream(tools); len(news) > 0 {
		a.screen.Warn("DevStream itself does not know %s; this dtm reads it in YAML too.", strings.Join(news, ", "))
	}
	return nil
}

// exportTools are the tools as DevStream has them.
func (p *project) exportTools() ([]exportedTool, error) {
	options, err := p.loader.WithoutDefaults(p.config.Tools)
	if err != nil {
		return nil, err
	}
	tools := make([]exportedTool, len(p.config.Tools))
	for i := range p.config.Tools {
		t := &p.config.Tools[i]
		tools[i] = exportedTool{
			Name: t.ID.Plugin(), InstanceID: t.ID.Instance(), DependsOn: t.DependsOn, Options: options[i],
			Lifecycle: exportLifecycle(t.Lifecycle, p.loader.DefaultLifecycle(t.ID.Plugin())),
		}
	}
	return tools, nil
}

// unknownToDevStream are the parts of a configuration that no DevStream had.
func (p *project) unknownToDevStream(tools []exportedTool) []string {
	var news []string
	add := func(name string, used bool) {
		if used {
			news = append(news, name)
		}
	}
	s := p.config.State
	add("plugins", len(p.config.Plugins) > 0)
	add("retention of the state", s.Retention != schema.DefaultRetention)
	add("encryption of the state", len(s.Encryption.Recipients) > 0 || s.Encryption.PassphraseEnv != "")
	add("endpoint, profile, pathStyle and kmsKeyID of the state", s.Endpoint != "" || s.Profile != "" || s.PathStyle || s.KMSKeyID != "")
	add("lifecycle", slices.ContainsFunc(tools, func(t exportedTool) bool { return t.Lifecycle != nil }))
	add("`${{ env.NAME }}`", slices.ContainsFunc(p.config.Tools, func(t schema.Tool) bool {
		return slices.ContainsFunc(t.References, func(r schema.Reference) bool { return r.Env != "" })
	}))
	return news
}

// brackets is the variable that stands for a literal `[[`: as soon as there is one variable, other brackets would be looked
// up as variables too.
const brackets = "brackets"

// writeExport writes the sections one after the other.
func writeExport(w io.Writer, core exportedCore, tools []exportedTool) error {
	text, err := json.Marshal(core)
	if err != nil {
		return err
	}
	if _, found := withoutBrackets(text); found {
		return hinted{fmt.Errorf("the state or the plugins have `[[` in a string, which YAML has no way to say"), "give the file another name"}
	}
	if err := compat.EncodeYAML(w, core); err != nil {
		return err
	}
	list, err := json.Marshal(struct {
		Tools []exportedTool `json:"tools"`
	}{tools})
	if err != nil {
		return err
	}
	list, found := withoutBrackets(list)
	if found {
		if _, err := fmt.Fprintf(w, "---\n%s: \"[[\"\n", brackets); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(w, "---"); err != nil {
		return err
	}
	return compat.EncodeYAML(w, json.RawMessage(list))
}

// withoutBrackets puts the variable where a string of a JSON document has `[[`, and tells whether there was one.
func withoutBrackets(doc []byte) (out []byte, found bool) {
	inString := false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case c == '"':
			inString = !inString
		case c == '\\' && inString:
			out = append(out, c)
			i++
		case inString && bytes.HasPrefix(doc[i:], []byte("[[")):
			out = append(out, "[[ "+brackets+" ]]"...)
			i++
			found = true
			continue
		}
		out = append(out, doc[i])
	}
	return out, found
}

// exportedTool is a tool as DevStream has it.
type exportedTool struct {
	Name       string             `json:"name"`
	InstanceID string             `json:"instanceID"`
	DependsOn  []schema.ID        `json:"dependsOn,omitempty"`
	Lifecycle  *exportedLifecycle `json:"lifecycle,omitempty"`
	Options    json.RawMessage    `json:"options"`
}

// exportedLifecycle has durations as the schema has them. What is nil is the plugin's default.
type exportedLifecycle struct {
	Timeout        string   `json:"timeout,omitempty"`
	Retries        *int     `json:"retries,omitempty"`
	Backoff        string   `json:"backoff,omitempty"`
	PreventDestroy *bool    `json:"preventDestroy,omitempty"`
	KeepOnDelete   *bool    `json:"keepOnDelete,omitempty"`
	IgnoreChanges  []string `json:"ignoreChanges,omitempty"`
}

// exportLifecycle is what a lifecycle says that unsaid, the plugin's default, does not; nil for nothing.
func exportLifecycle(l, unsaid schema.Lifecycle) *exportedLifecycle {
	if l.Equal(unsaid) {
		return nil
	}
	e := &exportedLifecycle{IgnoreChanges: l.IgnoreChanges}
	if l.Timeout != unsaid.Timeout {
		e.Timeout = l.Timeout.String()
	}
	if l.Retries != unsaid.Retries {
		e.Retries = &l.Retries
	}
	if l.Backoff != unsaid.Backoff {
		e.Backoff = l.Backoff.String()
	}
	if l.PreventDestroy != unsaid.PreventDestroy {
		e.PreventDestroy = &l.PreventDestroy
	}
	if l.KeepOnDelete != unsaid.KeepOnDelete {
		e.KeepOnDelete = &l.KeepOnDelete
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
	if at := s.ConfigMap; at != nil {
		core.State.Backend = "k8s"
		for name, value := range map[string]string{"namespace": at.Namespace, "configmap": at.Name, "kubeconfig": at.Kubeconfig, "context": at.Context} {
			if value != "" {
				core.State.Options[name] = value
			}
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

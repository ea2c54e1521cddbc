package main

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Completion asks dtm itself: the scripts call `dtm __complete WORD...` with the words up to the cursor, and offer the
// lines that come back. The libraries for kong are no longer kept up with it, so the model is walked here.

//go:embed completion/dtm.bash
var bashScript string

//go:embed completion/dtm.zsh
var zshScript string

//go:embed completion/dtm.fish
var fishScript string

//go:embed completion/dtm.ps1
var powershellScript string

type completionCmd struct {
	unusedFlags
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// Run prints the script of a shell. It asks dtm for the words, so it does not age.
func (c *completionCmd) Run(a *app) error {
	scripts := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript, "powershell": powershellScript}
	_, err := fmt.Fprint(a.stdout, scripts[c.Shell])
	return err
}

type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:"all"`
}

// Run prints the words that may stand where the last one is being written, one a line, with a tab and a help text where
// there is one.
func (c *completeCmd) Run(ctx context.Context, a *app) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:] // it parts the scripts' words from ours; a later one is being completed
	}
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	for _, offer := range a.offers(ctx, words, last) {
		word, _, _ := strings.Cut(offer, "\t")
		if strings.HasPrefix(word, last) {
			if _, err := fmt.Fprintln(a.stdout, offer); err != nil {
				return err
			}
		}
	}
	return nil
}

// offers are the words that may follow words. last tells whether a flag or an argument is wanted.
func (a *app) offers(ctx context.Context, words []string, last string) []string {
	node := a.model.Node
	var pending *kong.Flag
	for _, w := range words {
		switch {
		case pending != nil:
			pending = nil
		case strings.HasPrefix(w, "-"):
			if f := flagOf(node, w); f != nil && !f.IsBool() && !strings.Contains(w, "=") {
				pending = f
			}
		default:
			for _, child := range node.Children {
				if child.Name == w {
					node = child
					break
				}
			}
		}
	}
	if pending != nil {
		return a.values(ctx, node.Name, pending.Value)
	}
	var offers []string
	if strings.HasPrefix(last, "-") {
		for _, group := range node.AllFlags(true) {
			for _, f := range group {
				offers = append(offers, "--"+f.Name+"\t"+f.Help)
			}
		}
		return offers
	}
	for _, child := range node.Children {
		if !child.Hidden {
			offers = append(offers, child.Name+"\t"+child.Help)
		}
	}
	for _, arg := range node.Positional {
		offers = append(offers, a.values(ctx, node.Name, arg)...)
	}
	return offers
}

func flagOf(node *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if name == "--"+f.Name || f.Short != 0 && name == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

// values are what a flag or an argument of a command may be.
func (a *app) values(ctx context.Context, command string, v *kong.Value) []string {
	if v.Enum != "" {
		return slices.DeleteFunc(v.EnumSlice(), func(word string) bool { return word == "" })
	}
	switch v.Name {
	case "id", "target", "exclude":
		return a.tools(ctx)
	case "from", "to", "run":
		if command == "mv" {
			return a.tools(ctx)
		}
		return a.runs(ctx)
	case "plugin", "plugins":
		if p, err := a.wire(ctx, ".", 1); err == nil {
			return p.loader.Plugins()
		}
	case "template":
		return templates()
	case "config-file", "var-file":
		var files []string
		for _, pattern := range []string{"*.cue", "*.yaml", "*.yml"} {
			found, err := filepath.Glob(pattern)
			if err == nil {
				files = append(files, found...)
			}
		}
		return files
	}
	return nil
}

// tools are the IDs of the configuration here and of what is recorded. What cannot be read offers nothing.
func (a *app) tools(ctx context.Context) []string {
	p, err := a.open(ctx, &configFlags{}, 1)
	if err != nil {
		return nil
	}
	ids := map[string]bool{}
	for i := range p.config.Tools {
		ids[string(p.config.Tools[i].ID)] = true
	}
	if state, err := p.store.Load(ctx); err == nil {
		for id := range state.Tools {
			ids[string(id)] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// runs are the IDs of the runs, newest first.
func (a *app) runs(ctx context.Context) []string {
	p, err := a.open(ctx, &configFlags{}, 1)
	if err != nil {
		return nil
	}
	var ids []string
	for r, err := range p.store.Runs(ctx) {
		if err != nil {
			break
		}
		ids = append(ids, r.ID)
	}
	return ids
}

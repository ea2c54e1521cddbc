package schema

import (
	"encoding/json"
	"fmt"
)

// Config is a configuration that has been checked: every tool's plugin exists, its options fit
// the plugin's schema and carry its defaults, and every reference and dependency points at a tool.
// Only cycles are not looked for here: that is the graph's work.
type Config struct {
	// Dir is the absolute folder of the configuration. Relative paths in it start here.
	Dir string
	// Files are the files that were read, as the user would name them.
	Files []string
	// Tools are in the order in which they were written, each ID once.
	Tools []Tool
	// State says where the journal is kept.
	State StateConfig
	// Digest is the SHA-256, in hex, over the checked tools without their secrets: equal digests mean equal wishes, but
	// for a secret.
	Digest string
}

// Tool is one tool that the user wants.
type Tool struct {
	ID ID
	// Plugin and instance stand in the ID.
	// DependsOn is what the user wrote, in that order, without repeats.
	DependsOn []ID
	// Options are JSON in a canonical form (keys sorted), defaults filled in, references still in them.
	Options json.RawMessage
	// References are all references in Options, in the order of their paths.
	References []Reference
	// Pos is where the tool was written.
	Pos Pos
}

// Needs is what the tool waits for: DependsOn and then the tools it refers to, each once.
func (t *Tool) Needs() []ID {
	seen := make(map[ID]bool, len(t.DependsOn)+len(t.References))
	needs := make([]ID, 0, len(t.DependsOn)+len(t.References))
	add := func(id ID) {
		if id != "" && !seen[id] {
			seen[id] = true
			needs = append(needs, id)
		}
	}
	for _, id := range t.DependsOn {
		add(id)
	}
	for _, r := range t.References {
		add(r.Tool)
	}
	return needs
}

// StateConfig says where the journal is kept. The zero value is not valid; the loaders fill in defaults.
type StateConfig struct {
	// Backend is "local" (a file, by bbolt) or "s3" (a bucket).
	Backend string
	// StateFile is the journal's file of a local store, relative to Config.Dir unless absolute.
	StateFile string
	// The rest is for s3; what it means is said in toolchain.cue.
	Bucket, Key, Region, Endpoint, Profile, KMSKeyID string

	PathStyle bool
}

// Pos is a place in a file. Line and Column count from 1; zero means not known.
type Pos struct {
	File         string
	Line, Column int
}

// String is "file:line:column" with the unknown parts left out.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// IsValid tells whether the place names at least a file.
func (p Pos) IsValid() bool { return p.File != "" }

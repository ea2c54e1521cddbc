package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
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
	// Plugins says where plugins come from that are not built in, sorted by name.
	Plugins []PluginSource
	// State says where the journal is kept.
	State StateConfig
	// Digest is the SHA-256, in hex, over the checked tools without their secrets: equal digests mean equal wishes, but
	// for a secret.
	Digest string
	// Notes are what the author should know and nothing has to be done about, in the order in which they were found.
	Notes []Note
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
	// Lifecycle says how the tool is to be treated.
	Lifecycle Lifecycle
	// Pos is where the tool was written.
	Pos Pos
}

// Lifecycle says how a tool is to be treated, whatever its plugin. Durations are in nanoseconds in JSON.
type Lifecycle struct {
	// Timeout is how long one attempt of a verb may take; 0 for as long as it takes.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Retries is how often a verb is tried again after an error that the plugin says may pass.
	Retries int `json:"retries"`
	// Backoff is how long to wait before the first of them; it doubles with each.
	Backoff time.Duration `json:"backoff"`
	// PreventDestroy refuses every plan that deletes or replaces the tool.
	PreventDestroy bool `json:"preventDestroy,omitempty"`
	// KeepOnDelete has a delete take the tool out of the record and leave it where it is.
	KeepOnDelete bool `json:"keepOnDelete,omitempty"`
	// IgnoreChanges are paths, as in "options.replicas" or "resource.mode", whose changes count for nothing.
	IgnoreChanges []string `json:"ignoreChanges,omitempty"`
}

// DefaultLifecycle is what holds for a tool that says nothing, unless its plugin is precious ([Loader.DefaultLifecycle]);
// lifecycle.cue says the same.
func DefaultLifecycle() Lifecycle { return Lifecycle{Retries: 3, Backoff: time.Second} }

// Equal tells whether both say the same.
func (l Lifecycle) Equal(other Lifecycle) bool {
	return l.Timeout == other.Timeout && l.Retries == other.Retries && l.Backoff == other.Backoff &&
		l.PreventDestroy == other.PreventDestroy && l.KeepOnDelete == other.KeepOnDelete &&
		slices.Equal(l.IgnoreChanges, other.IgnoreChanges)
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

	// ConfigMap is where the state is as long as nobody has taken it over, nil for nowhere: DevStream could keep it in a
	// cluster, dtm goes on in StateFile.
	ConfigMap *ConfigMap

	// Retention is how many runs the history keeps; 0 keeps all.
	Retention int
	// Encryption says with what the store is encrypted; zero for not at all.
	Encryption Encryption
}

// ConfigMap names a ConfigMap in a cluster.
type ConfigMap struct {
	Namespace, Name string
	// Kubeconfig and Context are empty for those that kubectl would take.
	Kubeconfig, Context string
}

// Encryption says with what a store is encrypted. Secrets come from the environment; here are only the names of the
// variables.
type Encryption struct {
	// Recipients are public keys of age.
	Recipients []string
	// IdentityEnv is the variable that holds the identities to decrypt with, or the name of a file of them.
	IdentityEnv string
	// PassphraseEnv is the variable that holds the passphrase; empty where there are recipients.
	PassphraseEnv string
}

// DefaultRetention is how many runs the history keeps if nothing is said; toolchain.cue says the same.
const DefaultRetention = 1000

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

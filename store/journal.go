package store

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/devstream-io/dtm/schema"
)

// EntryKind says what an entry records.
type EntryKind string

// The kinds of entries. A run is Started, then for every step Intent and one of Applied, Deleted or Failed, then Finished.
const (
	// Started begins a run: Run, Command, Author, Version, ConfigDigest, Message, Planned.
	Started EntryKind = "started"
	// MorePlanned continues the plan of a run whose plan is long: Planned.
	MorePlanned EntryKind = "planned"
	// Intent is recorded before a verb that changes anything: Tool, Action, and for a create or update Options, DependsOn,
	// Digests and Lifecycle as they will be. Until an outcome follows, the tool is in doubt.
	Intent EntryKind = "intent"
	// Applied is the outcome of a create, an update, or a mere change of the record: Tool, Action, DependsOn, Options,
	// Digests, Resource, Lifecycle, Duration.
	Applied EntryKind = "applied"
	// Deleted is the outcome of a delete: Tool, Duration.
	Deleted EntryKind = "deleted"
	// Failed is the outcome of a verb that returned an error: Tool, Action, Error. The tool stays in doubt, for nobody
	// knows how far the verb came.
	Failed EntryKind = "failed"
	// Skipped is a step that was planned and not begun: Tool, Action, Error (why).
	Skipped EntryKind = "skipped"
	// Forgotten takes a tool out of the record though what it manages stays: Tool, Action.
	Forgotten EntryKind = "forgotten"
	// Moved gives a tool another ID: Tool, To. Whatever depends on it depends on it still.
	Moved EntryKind = "moved"
	// TakenOver records a tool of a DevStream state file: Tool, DependsOn, Options, Resource in DevStream's shape.
	TakenOver EntryKind = "takenOver"
	// Finished ends a run: Result, Duration.
	Finished EntryKind = "finished"
)

// The actions of steps, as they are recorded.
const (
	ActionCreate  = "create"
	ActionUpdate  = "update"
	ActionReplace = "replace"
	ActionDelete  = "delete"
)

// The actions of what changes the record alone.
const (
	// ActionAdopt takes a tool into the record that exists already.
	ActionAdopt = "adopt"
	// ActionForget takes a tool out of the record and leaves it where it is.
	ActionForget = "forget"
	// ActionMove gives a tool another ID.
	ActionMove = "move"
	// ActionRefresh records what exists as what is meant to be.
	ActionRefresh = "refresh"
	// ActionPush records what a document says.
	ActionPush = "push"
)

// Entry is one line of the journal. Which fields count is said by Kind. No field ever holds a secret. What comes back is
// what went through JSON: raw values are compact, and nil and empty are the same.
type Entry struct {
	// Seq counts from 1, without gaps, over the whole journal. Set by Record.
	Seq  uint64    `json:"seq"`
	Kind EntryKind `json:"kind"`
	Time time.Time `json:"time"`
	// Run is the ID of the run that the entry belongs to.
	Run string `json:"run"`

	Command      string `json:"command,omitempty"`
	Author       string `json:"author,omitempty"`
	Version      string `json:"version,omitempty"`
	ConfigDigest string `json:"configDigest,omitempty"`
	// Message is the author's reason for the run.
	Message string `json:"message,omitempty"`
	// Planned is what the run was to do, in the order of the plan, or a part of that.
	Planned []Planned `json:"planned,omitempty"`

	Tool      schema.ID       `json:"tool,omitempty"`
	Action    string          `json:"action,omitempty"`
	DependsOn []schema.ID     `json:"dependsOn,omitempty"`
	Options   json.RawMessage `json:"options,omitempty"`
	// Digests are keyed hashes of the secrets in Options, by path.
	Digests  map[string]string `json:"digests,omitempty"`
	Resource json.RawMessage   `json:"resource,omitempty"`
	// Lifecycle is how the tool is to be treated; nil for what schema.DefaultLifecycle says.
	Lifecycle *schema.Lifecycle `json:"lifecycle,omitempty"`
	// To is the new ID of a tool that was moved.
	To schema.ID `json:"to,omitempty"`
	// Diff is what the step changes, as the plan showed it; left out for a create or delete, whose options say it.
	Diff []FieldDiff `json:"diff,omitempty"`
	// Duration is how long the verb or the run took.
	Duration time.Duration `json:"duration,omitempty"`
	Error    string        `json:"error,omitempty"`
	Result   Result        `json:"result,omitempty"`
}

// Folded is the entry as a fold may keep it: nothing that the caller of Record may change later is shared, and Diff and
// Planned, which no fold needs, are left out.
func (e Entry) Folded() Entry {
	e.DependsOn = slices.Clone(e.DependsOn)
	e.Options = bytes.Clone(e.Options)
	e.Resource = bytes.Clone(e.Resource)
	e.Digests = maps.Clone(e.Digests)
	if e.Lifecycle != nil {
		l := *e.Lifecycle
		l.IgnoreChanges = slices.Clone(l.IgnoreChanges)
		e.Lifecycle = &l
	}
	e.Diff, e.Planned = nil, nil
	return e
}

// Planned is one step that a run was to take.
type Planned struct {
	Tool   schema.ID `json:"tool"`
	Action string    `json:"action"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// Result is how a run ended.
type Result string

// The results of a run. A run without one was cut off: the process died.
const (
	Succeeded   Result = "succeeded"
	FailedRun   Result = "failed"
	Interrupted Result = "interrupted"
)

// FieldDiff is one changed field of a tool, as it is shown. Nothing decides by it.
type FieldDiff struct {
	// Path begins with "options.", "resource." or "dependsOn", as in "options.repo.url" or "options.list[2]".
	Path string `json:"path"`
	// Before and After are the values; absent where the field is added or removed, and where it is secret.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// Unknown says that After is known only after other tools were applied; After then holds the reference.
	Unknown bool `json:"unknown,omitempty"`
	// Secret says that the values are hidden.
	Secret bool `json:"secret,omitempty"`
	// Replace says that a change of this field needs delete and create.
	Replace bool `json:"replace,omitempty"`
}

// Run is the summary of a run: the fold of its entries.
type Run struct {
	// ID is unique in the store and sorts by time.
	ID string `json:"id"`
	// First and Last are the Seqs of its first and last entry.
	First        uint64    `json:"first"`
	Last         uint64    `json:"last"`
	StartedAt    time.Time `json:"startedAt"`
	Command      string    `json:"command"`
	Author       string    `json:"author"`
	Version      string    `json:"version,omitempty"`
	Message      string    `json:"message,omitempty"`
	ConfigDigest string    `json:"configDigest,omitempty"`
	Counts       Counts    `json:"counts"`
	// Duration is until Finished; 0 if the run was cut off or still goes on.
	Duration time.Duration `json:"duration"`
	// Result is empty if the run was cut off or still goes on.
	Result Result `json:"result"`
}

// Counts are how many steps of a run ended how.
type Counts struct {
	Created  int `json:"created"`
	Updated  int `json:"updated"`
	Replaced int `json:"replaced"`
	Deleted  int `json:"deleted"`
	// Recorded is how many changed the record alone: adopt, forget, move, refresh, push.
	Recorded int `json:"recorded"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
}

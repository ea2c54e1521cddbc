package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Journal returns n entries such as an engine records, made up at random but the same for the same seed: runs with
// creates, updates, replaces, deletes, failures, skipped steps and takeovers of up to tools tools, tools that are adopted,
// moved and forgotten, now and then cut off.
// Seqs are set, from 1; IDs of runs sort by time.
func Journal(seed uint64, n, tools int) []store.Entry {
	j := &journal{rng: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), exists: map[schema.ID]bool{}}
	for len(j.entries) < n {
		j.run(tools)
	}
	return j.entries[:n]
}

type journal struct {
	rng     *rand.Rand
	now     time.Time
	runs    int
	id      string
	exists  map[schema.ID]bool
	entries []store.Entry
}

func (j *journal) add(e store.Entry) {
	j.now = j.now.Add(time.Duration(1 + j.rng.IntN(int(time.Minute))))
	e.Seq, e.Time, e.Run = uint64(len(j.entries))+1, j.now, j.id
	j.entries = append(j.entries, e)
}

func (j *journal) run(tools int) {
	j.runs++
	j.id = fmt.Sprintf("run-%06d", j.runs)
	began := j.now
	j.add(store.Entry{Kind: store.Started, Command: "apply", Author: "ann", Version: "0.8.0", Message: "because", ConfigDigest: fmt.Sprintf("sha256:%016x", j.rng.Uint64())})
	for range 1 + j.rng.IntN(2*tools) {
		id, other := j.tool(tools), j.tool(tools)
		if j.rng.IntN(12) == 0 && j.record(id, other) {
			continue
		}
		j.step(id)
	}
	if j.rng.IntN(5) > 0 {
		result := []store.Result{store.Succeeded, store.FailedRun, store.Interrupted}[j.rng.IntN(3)]
		j.add(store.Entry{Kind: store.Finished, Result: result, Duration: j.now.Sub(began)})
	}
}

func (j *journal) tool(of int) schema.ID {
	return schema.MakeID("helm", fmt.Sprintf("tool-%d", j.rng.IntN(of)))
}

// record changes the record alone, if it can.
func (j *journal) record(id, other schema.ID) bool {
	switch {
	case !j.exists[id]:
		j.exists[id] = true
		j.add(store.Entry{
			Kind: store.Applied, Tool: id, Action: store.ActionAdopt, Options: j.value("options"), Resource: j.value("found"),
			Lifecycle: &schema.Lifecycle{Retries: 1, IgnoreChanges: []string{"options.n"}},
		})
	case !j.exists[other] && id != other:
		j.exists[id], j.exists[other] = false, true
		j.add(store.Entry{Kind: store.Moved, Tool: id, Action: store.ActionMove, To: other})
	case j.rng.IntN(2) == 0:
		j.exists[id] = false
		j.add(store.Entry{Kind: store.Forgotten, Tool: id, Action: store.ActionForget})
	default:
		return false
	}
	return true
}

func (j *journal) step(id schema.ID) {
	action := store.ActionCreate
	if j.exists[id] {
		action = []string{store.ActionUpdate, store.ActionReplace, store.ActionDelete}[j.rng.IntN(3)]
	}
	e := store.Entry{Kind: store.Intent, Tool: id, Action: action}
	if action != store.ActionDelete {
		e.DependsOn = []schema.ID{"git.repo", "argocd.default", "helm.tool-1"}[j.rng.IntN(3):]
		e.Options = j.value("options")
		e.Digests = map[string]string{"token": fmt.Sprintf("%016x", j.rng.Uint64())}
		if action == store.ActionUpdate {
			e.Diff = []store.FieldDiff{{Path: "options.n", Before: json.RawMessage(`1`), After: json.RawMessage(`"${{ a.b.outputs.c }}"`), Unknown: true}}
		}
	}
	if j.rng.IntN(20) == 0 {
		j.add(store.Entry{Kind: store.Skipped, Tool: id, Action: action, Error: "git.repo failed"})
		return
	}
	if j.rng.IntN(20) == 0 && !j.exists[id] {
		j.exists[id] = true
		j.add(store.Entry{Kind: store.TakenOver, Tool: id, DependsOn: e.DependsOn, Options: e.Options, Resource: j.value("old")})
		return
	}
	j.add(e)
	took := time.Duration(j.rng.IntN(int(time.Minute)))
	switch j.rng.IntN(10) {
	case 0:
		j.add(store.Entry{Kind: store.Failed, Tool: id, Action: action, Error: "connection <refused> & \"quoted\"", Duration: took})
	case 1: // nothing follows: the process died, or another step was faster
	default:
		if action == store.ActionDelete || action == store.ActionReplace {
			j.add(store.Entry{Kind: store.Deleted, Tool: id, Action: action, Duration: took})
			j.exists[id] = false
		}
		if action != store.ActionDelete {
			e.Kind, e.Resource, e.Duration, e.Diff = store.Applied, j.value("outputs"), took, nil
			j.add(e)
			j.exists[id] = true
		}
	}
}

// value is some compact JSON of a few hundred bytes.
func (j *journal) value(name string) json.RawMessage {
	words := []string{"main", "https://example.com/?a=1&b=2", "größe", "a\nb", "<none>"}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a store has no business with what is in a raw value
	err := enc.Encode(map[string]any{
		"name":  name,
		"n":     j.rng.IntN(1000),
		"words": slices.Repeat(words[j.rng.IntN(len(words)):], 1+j.rng.IntN(4)),
		"deep":  map[string]any{"ok": j.rng.IntN(2) == 0, "nothing": nil},
	})
	if err != nil {
		panic(err) // it is made of strings and numbers
	}
	return bytes.TrimSpace(b.Bytes())
}

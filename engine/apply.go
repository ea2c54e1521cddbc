package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/devstream-io/dtm/graph"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// ApplyOptions say how a plan is carried out.
type ApplyOptions struct {
	// Holder is who runs, for the lock and the history.
	Holder store.Holder
	// Version is dtm's, for the history.
	Version string
	// Stop, when closed, lets what runs finish and begins nothing new. May be nil.
	Stop <-chan struct{}
	// FailFast begins nothing new after a failure.
	FailFast bool
	// Message is why, for the history.
	Message string
}

// Summary says how a run ended.
type Summary struct {
	Run      string
	Counts   store.Counts
	Result   store.Result
	Duration time.Duration
}

// errRecord is wrapped by the error of a change whose intent or outcome could not be recorded.
var errRecord = errors.New("recording")

// run is a plan being carried out. Its methods are called at the same time for different tools.
type run struct {
	engine  *Engine
	plan    *Plan
	session store.Session
	id      string
	key     []byte
	changes map[schema.ID]*Change
	halt    func()
	// stop is closed when nothing more is to be begun.
	stop <-chan struct{}

	// circle is held by the verb of a circular change: what it takes the next one must see.
	circle sync.Mutex

	mu sync.Mutex
	// resources are what exists now, for references.
	resources map[schema.ID]json.RawMessage
	// moved are the tools whose outputs are others now than the plan has promised.
	moved map[schema.ID]bool
	// taken are the things that tools have begun to make theirs.
	taken     map[thing]schema.ID
	counts    store.Counts
	failed    []ToolError
	skipped   []store.Entry
	recordErr error
}

// Apply carries out the plan: it opens the store's journal, which must not have grown since the plan was made
// ([store.ErrStale]), and visits the tools along the graph, each as soon as what it waits for is done. Every verb is
// between a recorded intent and a recorded outcome. A failure skips only what waits for it. When Stop is closed, or ctx is
// done, nothing more is begun; ctx also reaches the verbs that run. The error is *[ApplyError] once the journal is open.
func (e *Engine) Apply(ctx context.Context, st store.Store, p *Plan, opt ApplyOptions) (_ Summary, err error) {
	ctx = plugins.WithRedact(plugins.WithConceal(ctx, e.secrets.remember), e.secrets.hide)
	session, err := st.Open(ctx, opt.Holder, p.state)
	if err != nil {
		return Summary{}, err
	}
	defer func() {
		if cerr := session.Close(); cerr != nil && err == nil {
			err = cerr
		}
	}()
	began := e.Now()
	r := &run{
		engine: e, plan: p, session: session, id: newRunID(began), key: session.State().Key,
		changes: make(map[schema.ID]*Change, len(p.Changes)), resources: make(map[schema.ID]json.RawMessage, len(p.Changes)),
		moved: map[schema.ID]bool{}, taken: map[thing]schema.ID{},
	}
	for id, t := range p.state.Tools {
		if t.Exists {
			r.resources[id] = t.Resource
		}
	}
	var planned []store.Planned
	for i := range p.Changes {
		c := &p.Changes[i]
		r.changes[c.ID] = c
		r.resources[c.ID] = c.current
		if c.Action != NoOp {
			planned = append(planned, store.Planned{Tool: c.ID, Action: c.Action.String(), Reason: c.Reason})
		}
	}
	total := len(planned)
	if err := r.record(ctx, begin(store.Entry{
		Kind: store.Started, Command: opt.Holder.Command, Author: opt.Holder.User + "@" + opt.Holder.Host,
		Version: opt.Version, ConfigDigest: p.config.Digest, Message: opt.Message,
	}, planned)...); err != nil {
		return Summary{}, &ApplyError{Record: err, Skipped: total}
	}
	e.emit(RunStarted{Run: r.id, Total: total, Time: began})

	// A failing journal stops the walk in the same way as the user does.
	stop := make(chan struct{})
	r.stop, r.halt = stop, sync.OnceFunc(func() { close(stop) })
	if opt.Stop != nil {
		select {
		case <-opt.Stop:
			r.halt()
		default:
		}
		finished := make(chan struct{})
		defer close(finished)
		go func() {
			select {
			case <-opt.Stop:
				r.halt()
			case <-finished:
			}
		}()
	}
	walkErr := p.order.Walk(ctx, stop, graph.Walk{
		Parallel: e.Parallel, FailFast: opt.FailFast, Weight: r.weight, Visit: r.visit, Skipped: r.skip,
	})
	return r.finish(ctx, opt, began, walkErr)
}

// planPart is how many steps of a plan go into one entry: no entry grows with the plan, for a big value is written again
// with its neighbours, and the kernel counts, and may write, all that was once written in one piece.
const planPart = 50

// begin are the entries that begin a run.
func begin(started store.Entry, planned []store.Planned) []store.Entry {
	entries := []store.Entry{started}
	for part := range slices.Chunk(planned, planPart) {
		if len(entries) == 1 && entries[0].Planned == nil {
			entries[0].Planned = part
			continue
		}
		entries = append(entries, store.Entry{Kind: store.MorePlanned, Planned: part})
	}
	return entries
}

// newRunID sorts by time and is unique: the time to the millisecond, which no two runs of one store share, and four random
// bytes.
func newRunID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return now.UTC().Format("20060102-150405.000-") + hex.EncodeToString(b[:])
}

// weight is how long the tool took the last time, in seconds. One that is not known counts as one that takes a second,
// and one that stays as it is as nothing.
func (r *run) weight(id string) float64 {
	c := r.changes[schema.ID(id)]
	switch {
	case c == nil || c.Action == NoOp:
		return 0
	case c.Have != nil && c.Have.Took > 0:
		return c.Have.Took.Seconds()
	}
	return 1
}

func (r *run) visit(ctx context.Context, node string) error {
	id, half := strings.CutSuffix(node, deleteHalf)
	c := r.changes[schema.ID(id)]
	if c == nil {
		return errNotPlanned
	}
	began := r.engine.Now()
	var err error
	switch {
	case half:
		err = r.delete(ctx, c, began, store.ActionReplace, c.Want.Options)
	case c.Action == NoOp:
		err = r.follow(ctx, c, began)
	default:
		err = r.change(ctx, c, began)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, errRecord) {
		r.engine.emit(Failed{ID: c.ID, Action: c.Action, Err: err, Duration: r.since(began), Time: r.engine.Now()})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, ToolError{ID: c.ID, Err: err})
	return err
}

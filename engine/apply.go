package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
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
}

// Summary says how a run ended.
type Summary struct {
	Run      string
	Counts   store.Counts
	Result   store.Result
	Duration time.Duration
}

// ApplyError says that not everything was done. What was done is recorded.
type ApplyError struct {
	// Failed are the first causes, in the order of the plan.
	Failed []ToolError
	// Skipped is how many changes were not begun for that reason.
	Skipped int
	// Interrupted says that the run was told to stop.
	Interrupted bool
	// Record is why the journal could not be written, if that is what went wrong. What runs at that moment may not be
	// recorded; the next plan will look for it.
	Record error
}

func (e *ApplyError) Error() string {
	var text string
	switch {
	case e.Record != nil:
		text = fmt.Sprintf("the journal could not be written, so nothing more was begun: %v", e.Record)
	case len(e.Failed) == 1:
		text = fmt.Sprintf("%s failed: %v", e.Failed[0].ID, e.Failed[0].Err)
	case len(e.Failed) > 1:
		text = fmt.Sprintf("%d tools failed, first %s: %v", len(e.Failed), e.Failed[0].ID, e.Failed[0].Err)
	case e.Interrupted:
		text = "interrupted"
	}
	if e.Interrupted && text != "interrupted" {
		text += "; interrupted"
	}
	if e.Skipped > 0 {
		text += fmt.Sprintf(" (%d not begun)", e.Skipped)
	}
	return text
}

// Unwrap are the causes.
func (e *ApplyError) Unwrap() []error {
	var errs []error
	if e.Record != nil {
		errs = append(errs, e.Record)
	}
	for _, f := range e.Failed {
		errs = append(errs, f.Err)
	}
	return errs
}

// Hint says what the user can do about it.
func (e *ApplyError) Hint() string {
	if e.Record != nil {
		return "make room or mend the store, then run again: what was in doubt is looked at first"
	}
	return "what was done is recorded; run again to go on from here"
}

// errNotPlanned stands for a tool that could not be read: what waits for it waits for ever.
var errNotPlanned = errors.New("the tool could not be planned")

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

	mu sync.Mutex
	// resources are what exists now, for references.
	resources map[schema.ID]json.RawMessage
	// moved are the tools whose outputs are others now than the plan has promised.
	moved     map[schema.ID]bool
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
		moved: map[schema.ID]bool{},
	}
	total := 0
	for i := range p.Changes {
		c := &p.Changes[i]
		r.changes[c.ID] = c
		r.resources[c.ID] = c.current
		if c.Action != NoOp {
			total++
		}
	}
	if err := r.record(ctx, store.Entry{
		Kind: store.Started, Command: opt.Holder.Command, Author: opt.Holder.User + "@" + opt.Holder.Host,
		Version: opt.Version, ConfigDigest: p.config.Digest,
	}); err != nil {
		return Summary{}, &ApplyError{Record: err, Skipped: total}
	}
	e.emit(RunStarted{Run: r.id, Total: total, Time: began})

	// A failing journal stops the walk in the same way as the user does.
	stop := make(chan struct{})
	r.halt = sync.OnceFunc(func() { close(stop) })
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
	c := r.changes[schema.ID(node)]
	if c == nil {
		return errNotPlanned
	}
	began := r.engine.Now()
	var err error
	if c.Action == NoOp {
		err = r.follow(ctx, c, began)
	} else {
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

// change carries out one change.
func (r *run) change(ctx context.Context, c *Change, began time.Time) error {
	if c.Action == Delete {
		return r.delete(ctx, c, began, store.ActionDelete, c.given)
	}
	w, err := r.wish(c)
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	action, diff := c.Action, c.Diff
	if (len(c.Unknown) > 0 || c.recordOnly || r.referred(c)) && action != Create {
		// What was unknown is known now, and may be what it was; what was known may be other than it was.
		if action, diff, err = r.decideAgain(c, w); err == nil && action == Replace && c.Action != Replace {
			err = errFollow
		}
		if err != nil {
			return r.fail(ctx, c, began, err)
		}
	}
	switch action {
	case NoOp:
		return r.keep(ctx, c, w, began)
	case Replace:
		if err := r.delete(ctx, c, began, store.ActionReplace, w.filled); err != nil {
			return err
		}
	}
	return r.put(ctx, c, action, diff, w, began)
}

// referred tells whether the outputs of a tool that c refers to are not what c was planned with.
func (r *run) referred(c *Change) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(c.Want.References, func(ref schema.Reference) bool { return r.moved[ref.Tool] })
}

// decideAgain decides with what the tools before this one have left. It never decides for more than was planned, unless
// c is referred: a field that was unknown was planned as if it changed.
func (r *run) decideAgain(c *Change, w wish) (Action, []store.FieldDiff, error) {
	options, err := diffOptions(r.engine.Definition(c.ID.Plugin()), recorded(c.Have), w.sealed, nil)
	if err != nil {
		return NoOp, nil, err
	}
	action, reason := decide(situation{wanted: true, needs: c.DependsOn, have: c.Have, options: options, resource: c.drift})
	if reason == reasonNeeds {
		action = NoOp
	}
	return action, append(options, c.drift...), nil
}

// errFollow says that more would have to be done than the plan has shown.
var errFollow = errors.New("a tool that it refers to was repaired and has other outputs now, so it would have to be replaced; run again to see the plan")

// follow changes a tool that was to stay as it is, if the repair of a tool that it refers to has not brought back the
// outputs. It never replaces: nothing is deleted that the plan did not show.
func (r *run) follow(ctx context.Context, c *Change, began time.Time) error {
	if !r.referred(c) {
		return nil
	}
	w, err := r.wish(c)
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	action, diff, err := r.decideAgain(c, w)
	switch {
	case err != nil:
	case action == Replace:
		err = errFollow
	case action == NoOp:
		return nil
	}
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	return r.put(ctx, c, action, diff, w, began)
}

// wish is what a tool is to become, in all the forms that are needed.
type wish struct {
	sealed
	// filled has the secrets, opened is what the plugin gets.
	filled, opened json.RawMessage
}

// wish fills in what the tools before this one have left.
func (r *run) wish(c *Change) (w wish, err error) {
	def := r.engine.Definition(c.ID.Plugin())
	if w.filled, _, err = fill(c.Want.Options, r.outputs); err != nil {
		return w, err
	}
	if w.sealed, err = r.engine.seal(def, w.filled, nil, r.key); err != nil {
		return w, err
	}
	w.opened, err = r.engine.open(def, w.filled, w.filled)
	return w, err
}

// outputs is what references mean now. Whatever a tool waits for is done, so everything is known.
func (r *run) outputs(ref schema.Reference) (any, bool, error) {
	r.mu.Lock()
	resource := r.resources[ref.Tool]
	r.mu.Unlock()
	return output(resource, ref)
}

// keep records a tool that turned out to be as it should be, where anything of the record changes.
func (r *run) keep(ctx context.Context, c *Change, w wish, began time.Time) error {
	if !sameNeeds(c.DependsOn, c.Have.DependsOn) {
		err := r.record(ctx, store.Entry{
			Kind: store.Applied, Tool: c.ID, Action: store.ActionUpdate, DependsOn: c.DependsOn, Options: w.options,
			Digests: w.digests, Resource: c.current, Diff: c.Diff, Duration: c.Have.Took,
		})
		if err != nil {
			return err
		}
		r.count(func(n *store.Counts) { n.Updated++ })
	}
	r.engine.emit(Finished{ID: c.ID, Action: c.Action, Unchanged: !c.recordOnly, Time: r.engine.Now(), Duration: r.since(began)})
	return nil
}

// put creates or updates.
func (r *run) put(ctx context.Context, c *Change, action Action, diff []store.FieldDiff, w wish, began time.Time) error {
	kind, ok := r.engine.Plugins[c.ID.Plugin()]
	if !ok {
		return r.fail(ctx, c, began, unknownPlugin(c.ID))
	}
	started := action == Replace // delete has told
	if !started {
		var err error
		if started, err = r.clear(ctx, kind, c, action, w, began); err != nil {
			return err
		}
	}
	intent := store.Entry{
		Kind: store.Intent, Tool: c.ID, Action: action.String(), DependsOn: c.DependsOn,
		Options: w.options, Digests: w.digests,
	}
	if action != Create {
		intent.Diff = diff
	}
	if err := r.record(ctx, intent); err != nil {
		return err
	}
	if !started {
		r.engine.emit(Started{ID: c.ID, Action: action, Time: began})
	}
	var resource json.RawMessage
	var err error
	if action == Update {
		resource, err = r.update(ctx, kind, c, w)
	} else {
		resource, err = kind.Create(ctx, w.opened)
	}
	took := r.since(began)
	if err != nil {
		return r.fail(ctx, c, began, err)
	}
	err = r.record(ctx, store.Entry{
		Kind: store.Applied, Tool: c.ID, Action: action.String(), DependsOn: c.DependsOn,
		Options: w.options, Digests: w.digests, Resource: resource, Duration: took,
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.resources[c.ID] = resource
	r.moved[c.ID] = c.promised != nil && !sameOutputs(c.promised, resource)
	r.mu.Unlock()
	r.count(func(n *store.Counts) {
		switch action {
		case Create:
			n.Created++
		case Update:
			n.Updated++
		case Replace:
			n.Replaced++
		case Delete, NoOp:
		}
	})
	r.engine.emit(Finished{ID: c.ID, Action: action, Duration: took, Time: r.engine.Now()})
	return nil
}

func sameOutputs(a, b json.RawMessage) bool {
	before, errA := decodeTree(a)
	after, errB := decodeTree(b)
	if errA != nil || errB != nil {
		return false
	}
	x, _ := lookup(before, []string{"outputs"})
	y, _ := lookup(after, []string{"outputs"})
	return reflect.DeepEqual(x, y)
}

// clear removes what was begun with options that are not wanted any more, so that it does not stay behind. The journal
// remembers one thing that was begun for each tool, so this comes before the intent of what is wanted. started tells
// whether there was anything to do.
func (r *run) clear(ctx context.Context, kind plugins.Kind, c *Change, action Action, w wish, began time.Time) (started bool, err error) {
	if c.Have == nil || c.Have.Doubt == nil {
		return false, nil
	}
	d := c.Have.Doubt
	if d.Options == nil || sameJSON(d.Options, w.options) || c.Have.Exists && sameJSON(d.Options, c.Have.Options) {
		return false, nil
	}
	begun, err := r.engine.open(r.engine.Definition(c.ID.Plugin()), d.Options, w.filled)
	if err != nil {
		return false, r.fail(ctx, c, began, err)
	}
	at, err := kind.Identity(begun)
	if err != nil {
		return false, r.fail(ctx, c, began, err)
	}
	if same, err := r.holds(kind, c, w, at); err != nil {
		return false, r.fail(ctx, c, began, err)
	} else if same || r.another(kind, c, begun) {
		return false, nil
	}
	err = r.record(ctx, store.Entry{
		Kind: store.Intent, Tool: c.ID, Action: action.String(), DependsOn: d.DependsOn, Options: d.Options, Digests: d.Digests,
	})
	if err != nil {
		return false, err
	}
	r.engine.emit(Started{ID: c.ID, Action: action, Time: began})
	// What was begun may have other names than what is recorded, so the recorded resource must not point elsewhere.
	if at == "" {
		_, err = kind.Update(ctx, w.opened, begun, nil)
	} else {
		err = kind.Delete(ctx, begun, nil)
	}
	if err != nil {
		return true, r.fail(ctx, c, began, err)
	}
	return true, nil
}

// holds tells whether the thing is what is wanted or what is recorded.
func (r *run) holds(kind plugins.Kind, c *Change, w wish, thing string) (bool, error) {
	if thing == "" {
		return false, nil
	}
	wanted, err := kind.Identity(w.opened)
	if err != nil || wanted == thing || !c.Have.Exists {
		return wanted == thing, err
	}
	have, err := r.engine.open(r.engine.Definition(c.ID.Plugin()), c.Have.Options, w.filled)
	if err != nil {
		return false, err
	}
	recorded, err := kind.Identity(have)
	return recorded == thing, err
}

// another tells whether another tool has the thing of these options, and is to have it.
func (r *run) another(kind plugins.Kind, c *Change, options json.RawMessage) bool {
	at, err := kind.Identity(options)
	holder, taken := r.plan.kept[thing{c.ID.Plugin(), at}]
	return err == nil && at != "" && taken && holder != c.ID
}

// update calls the verb with what is recorded.
func (r *run) update(ctx context.Context, kind plugins.Kind, c *Change, w wish) (json.RawMessage, error) {
	have, err := r.engine.open(r.engine.Definition(c.ID.Plugin()), c.Have.Options, w.filled)
	if err != nil {
		return nil, err
	}
	return kind.Update(ctx, w.opened, have, c.current)
}

// delete removes what is recorded, and what was begun and is in doubt.
// wanted are filled options that have the secrets.
func (r *run) delete(ctx context.Context, c *Change, began time.Time, action string, wanted json.RawMessage) error {
	kind, ok := r.engine.Plugins[c.ID.Plugin()]
	if !ok {
		return r.fail(ctx, c, began, unknownPlugin(c.ID))
	}
	if c.recordOnly {
		return r.handOn(ctx, c, began)
	}
	intent := store.Entry{Kind: store.Intent, Tool: c.ID, Action: action}
	if d := c.Have.Doubt; d != nil {
		// What was begun is remembered until it is gone.
		intent.DependsOn, intent.Options, intent.Digests = d.DependsOn, d.Options, d.Digests
	}
	if err := r.record(ctx, intent); err != nil {
		return err
	}
	r.engine.emit(Started{ID: c.ID, Action: c.Action, Time: began})
	if err := r.remove(ctx, kind, c, wanted); err != nil {
		return r.fail(ctx, c, began, err)
	}
	took := r.since(began)
	if err := r.record(ctx, store.Entry{Kind: store.Deleted, Tool: c.ID, Action: action, Duration: took}); err != nil {
		return err
	}
	if action == store.ActionDelete {
		r.count(func(n *store.Counts) { n.Deleted++ })
		r.engine.emit(Finished{ID: c.ID, Action: Delete, Duration: took, Time: r.engine.Now()})
	}
	return nil
}

// handOn takes a tool out of the record whose thing another tool has taken.
func (r *run) handOn(ctx context.Context, c *Change, began time.Time) error {
	if err := r.record(ctx, store.Entry{Kind: store.Deleted, Tool: c.ID, Action: store.ActionDelete}); err != nil {
		return err
	}
	r.count(func(n *store.Counts) { n.Deleted++ })
	r.engine.emit(Finished{ID: c.ID, Action: Delete, Duration: r.since(began), Time: r.engine.Now()})
	return nil
}

func (r *run) remove(ctx context.Context, kind plugins.Kind, c *Change, wanted json.RawMessage) error {
	def := r.engine.Definition(c.ID.Plugin())
	var last json.RawMessage
	if c.Have.Exists && !c.Have.TakenOver {
		last = c.Have.Resource
	}
	if c.Have.Exists {
		have, err := r.engine.open(def, c.Have.Options, wanted)
		if err != nil {
			return err
		}
		if !r.another(kind, c, have) {
			if err := kind.Delete(ctx, have, last); err != nil {
				return err
			}
		}
	}
	d := c.Have.Doubt
	if d == nil || d.Options == nil || c.Have.Exists && sameJSON(c.Have.Options, d.Options) {
		return nil
	}
	begun, err := r.engine.open(def, d.Options, wanted)
	if err != nil || r.another(kind, c, begun) {
		return err
	}
	// What was begun has other names than what is recorded, so the recorded resource must not point elsewhere.
	return kind.Delete(ctx, begun, nil)
}

// fail records that a change has failed. Where nothing was begun the record leaves no doubt behind.
func (r *run) fail(ctx context.Context, c *Change, began time.Time, err error) error {
	took := r.since(began)
	// If this cannot be recorded, the run says so; the cause of this failure is the verb's.
	_ = r.record(ctx, store.Entry{
		Kind: store.Failed, Tool: c.ID, Action: c.Action.String(), Error: err.Error(), Duration: took,
	})
	r.count(func(n *store.Counts) { n.Failed++ })
	r.engine.emit(Failed{ID: c.ID, Action: c.Action, Err: err, Duration: took, Time: r.engine.Now()})
	return err
}

// skip notes a change that is not begun.
func (r *run) skip(node string, cause graph.Cause) {
	c := r.changes[schema.ID(node)]
	if c == nil || c.Action == NoOp {
		return
	}
	causes := make([]schema.ID, len(cause.Failed))
	why := "the run was stopped"
	for i, id := range cause.Failed {
		causes[i] = schema.ID(id)
	}
	if len(causes) > 0 {
		why = fmt.Sprintf("waits for %v", causes)
	}
	now := r.engine.Now()
	r.count(func(n *store.Counts) { n.Skipped++ })
	r.mu.Lock()
	r.skipped = append(r.skipped, store.Entry{Kind: store.Skipped, Tool: c.ID, Action: c.Action.String(), Error: why, Time: now, Run: r.id})
	r.mu.Unlock()
	r.engine.emit(Skipped{ID: c.ID, Action: c.Action, Causes: causes, Time: now})
}

// finish records the end of the run and makes the error of it.
func (r *run) finish(ctx context.Context, opt ApplyOptions, began time.Time, walkErr error) (Summary, error) {
	failed := &ApplyError{Failed: r.inOrder(), Skipped: r.counts.Skipped, Record: r.recordErr}
	failed.Interrupted = errors.Is(walkErr, graph.ErrStopped) && r.recordErr == nil && (len(failed.Failed) == 0 || !opt.FailFast)
	s := Summary{Run: r.id, Counts: r.counts, Result: store.Succeeded, Duration: r.since(began)}
	switch {
	case failed.Interrupted || walkErr != nil && ctx.Err() != nil:
		s.Result = store.Interrupted
	case walkErr != nil || len(r.plan.Errors) > 0:
		s.Result = store.FailedRun
	}
	entries := append(r.skipped, store.Entry{Kind: store.Finished, Result: s.Result, Duration: s.Duration})
	if err := r.record(ctx, entries...); err != nil && failed.Record == nil {
		failed.Record = err
	}
	r.engine.emit(RunFinished{Summary: s, Time: r.engine.Now()})
	if len(failed.Failed) > 0 || failed.Record != nil || failed.Interrupted || failed.Skipped > 0 {
		return s, failed
	}
	return s, nil
}

// inOrder are the failures in the order of the plan.
func (r *run) inOrder() []ToolError {
	place := make(map[schema.ID]int, len(r.plan.Changes))
	for i := range r.plan.Changes {
		place[r.plan.Changes[i].ID] = i
	}
	slices.SortFunc(r.failed, func(a, b ToolError) int { return place[a.ID] - place[b.ID] })
	return append(slices.Clone(r.plan.Errors), r.failed...)
}

// record makes entries durable. After a failure nothing more is begun.
func (r *run) record(ctx context.Context, entries ...store.Entry) error {
	for i := range entries {
		entries[i].Run = r.id
		if entries[i].Time.IsZero() {
			entries[i].Time = r.engine.Now()
		}
	}
	// What has happened is recorded even when the run was cancelled.
	err := r.session.Record(context.WithoutCancel(ctx), entries...)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w", errRecord, err)
	r.mu.Lock()
	if r.recordErr == nil {
		r.recordErr = err
	}
	r.mu.Unlock()
	if r.halt != nil {
		r.halt()
	}
	return err
}

func (r *run) count(change func(*store.Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

func (r *run) since(began time.Time) time.Duration { return r.engine.Now().Sub(began) }

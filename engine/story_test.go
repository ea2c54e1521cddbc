package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// story is what happens to a house over time: wishes with lifecycles, selections, accidents, and changes of the record.
type story struct {
	*house
	*wishes
	lives map[int]schema.Lifecycle
	// released are names of what was left in the world on purpose.
	released map[string]bool
	// past are the runs after which all was well, with the world of then.
	past []chapter
	// told is what has happened.
	told []string
}

type chapter struct{ run, world string }

func TestRandomStoriesEndWell(t *testing.T) {
	seeds := 8
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(seed), 2))
			s := &story{
				house: newHouse(t), wishes: &wishes{Rand: r, tools: map[int]*wished{}},
				lives: map[int]schema.Lifecycle{}, released: map[string]bool{},
			}
			s.engine.Parallel = []int{1, 4}[seed%2]
			for range 12 {
				s.step()
				if t.Failed() {
					t.Logf("story:\n%s", strings.Join(s.told, "\n"))
					return
				}
			}
		})
	}
}

func (s *story) tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

// step takes a wish, has something happen, and every other time makes all well again.
func (s *story) step() {
	s.next()
	for i := range s.tools {
		if s.IntN(3) == 0 {
			s.lives[i] = s.life(i)
		}
	}
	s.tidy()
	[]func(){s.applies, s.applies, s.selects, s.selects, s.refreshes, s.retries}[s.IntN(6)]()
	if s.Failed() || s.IntN(2) == 0 {
		return
	}
	s.mend(s.config())
	if s.Failed() {
		return
	}
	switch s.IntN(5) {
	case 0:
		s.forgetsAndPushes()
	case 1:
		s.forgetsAndAdopts()
	case 2:
		s.moves()
	case 3:
		s.rollsBack()
	}
}

func (s *story) life(i int) schema.Lifecycle {
	l := schema.DefaultLifecycle()
	l.Backoff = 0
	l.Retries = 1 + s.IntN(3)
	// What has no identity cannot be made beside what is kept.
	l.KeepOnDelete = s.tools[i].plugin == "named" && s.IntN(3) == 0
	l.PreventDestroy = s.IntN(6) == 0
	for _, path := range []string{"options.tags", "options.value", "resource.rev"} {
		if s.IntN(4) == 0 {
			l.IgnoreChanges = append(l.IgnoreChanges, path)
		}
	}
	return l
}

// config is what is wished. The name of a tool with an identity says its zone, so that one zone can be kept beside another.
func (s *story) config() *schema.Config {
	text := s.wishes.String()
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "named.") {
			for _, zone := range []string{"here", "there"} {
				if strings.Contains(line, " zone="+zone) {
					line = strings.Replace(line, " value=", "."+zone+" value=", 1)
				}
			}
		}
		lines = append(lines, line)
	}
	config := toolchain(strings.Join(lines, ""))
	for i := range config.Tools {
		var n int
		_, _ = fmt.Sscanf(config.Tools[i].ID.Instance(), "t%d", &n)
		if l, ok := s.lives[n]; ok {
			config.Tools[i].Lifecycle = l
		}
	}
	return config
}

// namesOf are all names that a tool has or may have.
func (s *story) namesOf(t *store.Tool) []string {
	names := []string{nameOf(s.house, t.Options)}
	for _, d := range t.Doubts() {
		names = append(names, nameOf(s.house, d.Options))
	}
	return names
}

func (s *story) release(t *store.Tool) {
	for _, name := range s.namesOf(t) {
		s.released[name] = true
	}
}

// tidy has another hand remove what was released.
func (s *story) tidy() {
	state := s.state()
	for _, t := range state.Tools {
		for _, name := range s.namesOf(t) {
			delete(s.released, name)
		}
	}
	for name := range s.released {
		s.world.remove(name)
	}
	clear(s.released)
}

// planned is the plan, or nil if it is refused for a reason.
func (s *story) planned(config *schema.Config, opt PlanOptions) *Plan {
	s.Helper()
	opt.AllowEmpty = true
	before := s.state()
	p, err := s.engine.Plan(s.Context(), config, before, opt)
	var protected *ProtectedError
	var torn *SelectionError
	switch {
	case errors.As(err, &protected):
		for _, t := range protected.Tools {
			tool := before.Tools[t.Tool]
			i := slices.IndexFunc(config.Tools, func(c schema.Tool) bool { return c.ID == t.Tool })
			if i >= 0 && !config.Tools[i].Lifecycle.PreventDestroy || i < 0 && !lifecycleOf(tool).PreventDestroy {
				s.Errorf("%s is not protected", t.Tool)
			}
		}
		s.tell("refused: %v", err)
		return nil
	case errors.As(err, &torn):
		if opt.Selection.Empty() {
			s.Error(err)
		}
		s.tell("refused: %v", err)
		return nil
	case err != nil:
		s.Error(err)
		return nil
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Have != nil && (c.recordOnly && c.Action == Delete || c.Action == Replace && c.lifecycle().KeepOnDelete) {
			s.release(c.Have)
		}
	}
	if s.IntN(4) == 0 {
		s.sameAgain(p, config, opt)
	}
	s.tell("plan %+v:\n%s", opt.Selection, planText(p))
	return p
}

// sameAgain checks that a plan that is saved can be applied as long as nothing has changed.
func (s *story) sameAgain(p *Plan, config *schema.Config, opt PlanOptions) {
	s.Helper()
	saved := SavedPlan{DTM: "1"}
	data, err := saved.Save(p)
	if err != nil {
		s.Fatal(err)
	}
	read, err := ReadSavedPlan(data, "1")
	if err != nil {
		s.Fatal(err)
	}
	again, err := s.engine.Plan(s.Context(), config, s.state(), opt)
	if err != nil {
		s.Fatal(err)
	}
	if err := errors.Join(read.Check(s.state()), read.Same(again)); err != nil {
		s.Error(err)
	}
}

// afterwards checks what must hold after any run of p.
func (s *story) afterwards(p *Plan) {
	s.Helper()
	now := s.state()
	for _, id := range p.LeftOut {
		if diff := cmp.Diff(p.state.Tools[id], now.Tools[id]); diff != "" {
			s.Errorf("%s was left out and changed (-before +now)\n%s", id, diff)
		}
	}
	for _, ev := range s.events {
		ended, ok := ev.(Finished)
		if !ok || ended.Action != Delete {
			continue
		}
		if c := find(p, ended.ID); c.recordOnly {
			continue
		}
		for id, t := range now.Tools {
			if slices.Contains(recordedNeeds(t), ended.ID) && now.Tools[ended.ID] == nil {
				s.Errorf("%s was deleted under %s", ended.ID, id)
			}
		}
	}
}

func (s *story) applies() {
	if p := s.planned(s.config(), PlanOptions{}); p != nil {
		s.accidentOf(s.Rand, p)
		s.afterwards(p)
	}
}

func (s *story) selects() {
	config := s.config()
	known := s.state().IDs()
	for i := range config.Tools {
		known = append(known, config.Tools[i].ID)
	}
	if len(known) == 0 {
		return
	}
	var sel Selection
	for range 1 + s.IntN(4) {
		pattern := string(known[s.IntN(len(known))])
		pattern = strings.Repeat("+", s.IntN(2)) + pattern + strings.Repeat("+", s.IntN(2))
		if s.IntN(2) == 0 {
			sel.Target = append(sel.Target, pattern)
		} else {
			sel.Exclude = append(sel.Exclude, pattern)
		}
	}
	refresh := []Refresh{RefreshAll, RefreshNone, RefreshOnly}[s.IntN(3)]
	p := s.planned(config, PlanOptions{Selection: sel, Refresh: refresh})
	if p == nil {
		return
	}
	touched := map[string]bool{}
	for i := range p.Changes {
		touched[p.Changes[i].ID.Instance()] = true
	}
	s.world.before = nil
	s.house.verbs()
	if s.IntN(2) == 0 {
		s.accidentOf(s.Rand, p)
	} else if _, err := s.run(s.Context(), p); err != nil {
		s.Errorf("apply: %v", err)
	}
	for _, word := range strings.Split(s.house.verbs(), ", ") {
		_, name, _ := strings.Cut(word, " n")
		if i, _, _ := strings.Cut(name, "."); i != "" && !touched["t"+i] {
			s.Errorf("%s, and t%s is left out", word, i)
		}
	}
	s.afterwards(p)
}

// refreshes has another hand change things, and the record follow.
func (s *story) refreshes() {
	before := s.world.String()
	s.world.mu.Lock()
	for name, r := range s.now {
		if s.IntN(3) == 0 {
			r.Rev++
			r.Outputs = outputsOf(r)
			s.now[name] = r
		}
	}
	s.world.mu.Unlock()
	p := s.planned(s.config(), PlanOptions{Refresh: RefreshOnly})
	if p == nil {
		return
	}
	if _, err := s.run(s.Context(), p); err != nil {
		s.Errorf("apply: %v", err)
	}
	s.same("world", s.world.String(), before)
}

// retries has every verb of some tools fail once in a way that passes.
func (s *story) retries() {
	p := s.planned(s.config(), PlanOptions{Refresh: []Refresh{RefreshAll, RefreshNone}[s.IntN(2)]})
	if p == nil {
		return
	}
	var busy []string
	for i := range 30 {
		if l, ok := s.lives[i]; ok && l.Retries > 0 && s.IntN(2) == 0 {
			busy = append(busy, fmt.Sprintf("n%d.", i))
		}
	}
	failed := map[string]bool{}
	s.world.before = func(_ context.Context, verb string, o options) error {
		s.world.mu.Lock()
		defer s.world.mu.Unlock()
		at := verb + " " + o.Name
		if failed[at] || !slices.ContainsFunc(busy, func(n string) bool { return strings.HasPrefix(o.Name, n) }) {
			return nil
		}
		failed[at] = true
		return plugins.Retryable(errors.New("busy"), 0)
	}
	_, _ = s.run(s.Context(), p)
	s.world.before = nil
	s.keepsItsPromises(p)
	for _, ev := range s.events {
		if ev, ok := ev.(Failed); ok && !strings.Contains(ev.Err.Error(), "busy") && !errors.Is(ev.Err, errFollow) {
			s.Errorf("%s: %v", ev.ID, ev.Err)
		}
	}
	s.afterwards(p)
}

// mend applies a configuration without accidents. Nothing is left to do then, and nothing exists that is not recorded but
// what was left on purpose.
func (s *story) mend(config *schema.Config) {
	s.Helper()
	for i := range config.Tools {
		config.Tools[i].Lifecycle.PreventDestroy = false
	}
	// What is protected and not wanted any more is the user's from now on.
	for _, id := range s.state().IDs() {
		t := s.state().Tools[id]
		if lifecycleOf(t).PreventDestroy && !slices.ContainsFunc(config.Tools, func(t schema.Tool) bool { return t.ID == id }) {
			s.release(t)
			if _, err := s.amend(Forget(id)); err != nil {
				s.Error(err)
			}
		}
	}
	p := s.planned(config, PlanOptions{})
	if p == nil {
		return
	}
	if _, err := s.run(s.Context(), p); err != nil {
		s.Errorf("mend: %v", err)
	}
	s.keepsItsPromises(p)
	s.afterwards(p)
	s.well(config)
	if s.IntN(2) == 0 || len(s.past) == 0 {
		s.past = append(s.past, chapter{s.lastRun(), s.world.String()})
	}
}

// well checks that there is nothing to do, and that the record is the world.
func (s *story) well(config *schema.Config) {
	s.Helper()
	s.tidy()
	p, err := s.engine.Plan(s.Context(), config, s.state(), PlanOptions{AllowEmpty: true})
	if err != nil {
		s.Error(err)
	} else if !p.Empty() {
		s.Errorf("there is still something to do:\n%s", planText(p))
	}
	s.truth()
}

// anyone is a recorded tool of the configuration.
func (s *story) anyone() (schema.ID, bool) {
	ids := s.state().IDs()
	if len(ids) == 0 {
		return "", false
	}
	return ids[s.IntN(len(ids))], true
}

func (s *story) do(what string, a Amendment) {
	s.Helper()
	s.tell("%s", what)
	if _, err := s.amend(a); err != nil {
		s.Errorf("%s: %v", what, err)
	}
}

func (s *story) mended() *schema.Config {
	config := s.config()
	for i := range config.Tools {
		config.Tools[i].Lifecycle.PreventDestroy = false
	}
	return config
}

func (s *story) forgetsAndPushes() {
	id, ok := s.anyone()
	if !ok {
		return
	}
	raw, err := json.Marshal(NewStateDocument(s.state()))
	if err != nil {
		s.Fatal(err)
	}
	var doc StateDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		s.Fatal(err)
	}
	s.do("forget "+string(id), Forget(id))
	s.do("push", Push(doc, true))
	s.well(s.mended())
}

func (s *story) forgetsAndAdopts() {
	id, ok := s.anyone()
	if !ok {
		return
	}
	config := s.mended()
	s.do("forget "+string(id), Forget(id))
	s.do("adopt "+string(id), s.engine.Adopt(config, id))
	s.mend(config)
}

func (s *story) moves() {
	id, ok := s.anyone()
	if !ok {
		return
	}
	to := schema.MakeID(id.Plugin(), "elsewhere")
	s.do("move "+string(id), Move(id, to))
	s.do("move back "+string(id), Move(to, id))
	s.well(s.mended())
}

func (s *story) rollsBack() {
	to := s.past[s.IntN(len(s.past))]
	then, err := s.store.At(s.Context(), to.run)
	if err != nil {
		s.Fatal(err)
	}
	config, err := s.engine.Former(then, &schema.Config{})
	if err != nil {
		s.Fatal(err)
	}
	for i := range config.Tools {
		// Only without these is everything as it was.
		config.Tools[i].Lifecycle.IgnoreChanges, config.Tools[i].Lifecycle.PreventDestroy = nil, false
	}
	s.tell("rollback to %s", to.run)
	p := s.planned(config, PlanOptions{})
	if p == nil {
		return
	}
	if _, err := s.run(s.Context(), p); err != nil {
		s.Errorf("rollback: %v", err)
	}
	s.keepsItsPromises(p)
	s.afterwards(p)
	s.well(config)
	s.same("world after the rollback", s.world.String(), to.world)
	s.mend(s.config())
}

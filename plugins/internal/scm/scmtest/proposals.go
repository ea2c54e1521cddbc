package scmtest

import (
	"context"
	"testing"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// from is the branch that proposals come from.
const from = "dtm/change"

// propose asks for files on main.
func (w *world) propose(ctx context.Context, path scm.Path, message string, files map[string]string) error {
	tree, err := w.host.List(ctx, path, "main", nil)
	if err != nil {
		return err
	}
	_, err = w.host.Propose(ctx, path, from, "main", scm.Change{Base: tree.Head, Message: message, Put: texts(files)})
	return err
}

// one is the only request to merge that there is.
func (w *world) one(t *testing.T, path scm.Path) Request {
	t.Helper()
	all := w.Proposals(t, path)
	if len(all) != 1 {
		t.Fatalf("there are %+v, want one", all)
	}
	return all[0]
}

func proposalPromises() []promise {
	return []promise{
		{"a change is proposed once, and what is open is brought up to date", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			_, err := w.host.Proposed(t.Context(), path, from, "main")
			mustBe(t, "proposed", err, plugins.ErrNotFound)
			base := w.list(t, path, "main").Head
			change := scm.Change{Base: base, Message: "add b\n\nbecause", Put: texts(map[string]string{"b": "b"})}
			made, err := w.host.Propose(t.Context(), path, from, "main", change)
			must(t, "propose", err)
			if is := w.one(t, path); is.Number != made.Number || is.Title != "add b" || is.From != from || !is.IsOpen || is.IsMerged {
				t.Errorf("there is %+v, want %+v", is, made)
			}
			if made.Number == 0 || made.WebURL == "" || made.Merged || made.Commit != w.list(t, path, from).Head {
				t.Errorf("made %+v", made)
			}
			w.holds(t, path, "main", map[string]string{"a": "a"})
			w.holds(t, path, from, map[string]string{"a": "a", "b": "b"})
			w.history(t, path, from, "add b\n\nbecause", "begin")
			for what, ask := range map[string]func() (scm.Proposal, error){
				"proposed":      func() (scm.Proposal, error) { return w.host.Proposed(t.Context(), path, from, "main") },
				"propose again": func() (scm.Proposal, error) { return w.host.Propose(t.Context(), path, from, "main", change) },
			} {
				again, err := ask()
				must(t, what, err)
				if again != made {
					t.Errorf("%s: %+v, want %+v", what, again, made)
				}
			}
			change.Message, change.Put = "add b and c", texts(map[string]string{"b": "2", "c": "c"})
			next, err := w.host.Propose(t.Context(), path, from, "main", change)
			must(t, "propose more", err)
			if next.Number != made.Number || next.Commit == made.Commit {
				t.Errorf("proposed %+v after %+v", next, made)
			}
			if is := w.one(t, path); is.Title != "add b and c" || !is.IsOpen {
				t.Errorf("there is %+v", is)
			}
			w.holds(t, path, from, map[string]string{"a": "a", "b": "2", "c": "c"})
			w.history(t, path, from, "add b and c", "begin")
		}},
		{"a proposal follows its base", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			base := w.list(t, path, "main").Head
			change := scm.Change{Base: base, Message: "add b", Put: texts(map[string]string{"b": "b"})}
			made, err := w.host.Propose(t.Context(), path, from, "main", change)
			must(t, "propose", err)
			w.Push(t, path, "main", "theirs", "theirs")
			_, err = w.host.Propose(t.Context(), path, from, "main", change)
			mustBe(t, "propose of an old base", err, scm.ErrChanged)
			change.Base = w.list(t, path, "main").Head
			next, err := w.host.Propose(t.Context(), path, from, "main", change)
			must(t, "propose", err)
			if next.Number != made.Number {
				t.Errorf("proposed %+v after %+v", next, made)
			}
			w.holds(t, path, from, map[string]string{"a": "a", "b": "b", "theirs": "theirs"})
			if log := w.Log(t, path, from); len(log) != 3 {
				t.Errorf("the commits are %q", log)
			}
		}},
		{"what was merged is not proposed again, and what comes after it is", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			must(t, "propose", w.propose(t.Context(), path, "add b", map[string]string{"b": "b"}))
			w.Merge(t, path, w.one(t, path).Number)
			w.holds(t, path, "main", map[string]string{"a": "a", "b": "b"})
			_, err := w.host.Proposed(t.Context(), path, from, "main")
			mustBe(t, "proposed", err, plugins.ErrNotFound)
			w.writesNothing(t, "propose of what is there", func() error {
				p, err := w.host.Propose(t.Context(), path, from, "main", scm.Change{
					Base: w.list(t, path, "main").Head, Message: "add b", Put: texts(map[string]string{"b": "b"}),
				})
				if !p.Merged {
					t.Errorf("proposed %+v, want merged", p)
				}
				return err
			})
			must(t, "propose", w.propose(t.Context(), path, "add c", map[string]string{"c": "c"}))
			all := w.Proposals(t, path)
			if len(all) != 2 || all[0].IsOpen || !all[1].IsOpen {
				t.Errorf("there are %+v", all)
			}
			w.holds(t, path, from, map[string]string{"a": "a", "b": "b", "c": "c"})
		}},
		{"what is withdrawn leaves no open request and no branch", func(t *testing.T, w *world) {
			path := w.begun(t, map[string]string{"a": "a"})
			must(t, "propose", w.propose(t.Context(), path, "add b", map[string]string{"b": "b"}))
			for range 2 {
				must(t, "withdraw", w.host.Withdraw(t.Context(), path, from, "main"))
				if is := w.one(t, path); is.IsOpen || is.IsMerged {
					t.Errorf("there is %+v", is)
				}
				if head := w.list(t, path, from).Head; head != "" {
					t.Errorf("the branch is at %s", head)
				}
			}
			w.holds(t, path, "main", map[string]string{"a": "a"})
			must(t, "propose again", w.propose(t.Context(), path, "add b", map[string]string{"b": "b"}))
			if all := w.Proposals(t, path); len(all) != 2 || !all[1].IsOpen {
				t.Errorf("there are %+v", all)
			}
			must(t, "withdraw from an empty repository", w.host.Withdraw(t.Context(), w.created(t), from, "main"))
		}},
		{"nothing is proposed to a branch that is missing, or to itself", func(t *testing.T, w *world) {
			path := w.created(t)
			mustBe(t, "propose to an empty repository", w.propose(t.Context(), path, "m", map[string]string{"a": "a"}), plugins.ErrNotFound)
			path = w.begun(t, map[string]string{"a": "a"})
			_, err := w.host.Propose(t.Context(), path, from, "other", scm.Change{Message: "m", Put: texts(map[string]string{"b": "b"})})
			mustBe(t, "propose to a branch that is missing", err, plugins.ErrNotFound)
			if _, err = w.host.Propose(t.Context(), path, "main", "main", scm.Change{Message: "m", Put: texts(map[string]string{"b": "b"})}); err == nil {
				t.Error("main was proposed to main")
			}
			if err := w.host.Withdraw(t.Context(), path, "main", "main"); err == nil {
				t.Error("main was withdrawn from main")
			}
			w.holds(t, path, "main", map[string]string{"a": "a"})
		}},
	}
}

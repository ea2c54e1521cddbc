package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// Former is the configuration that was in force as of then, for a plan back to it. References to outputs were filled in at
// that time and are values now. Secrets are not recorded: they, and how a tool is to be treated, are taken from today's
// configuration, and the plan of a tool whose secrets it does not have is a [*LostSecretError].
func (e *Engine) Former(then *store.State, today *schema.Config) (*schema.Config, error) {
	config := &schema.Config{Dir: today.Dir, Files: today.Files, State: today.State}
	now := map[schema.ID]*schema.Tool{}
	for i := range today.Tools {
		now[today.Tools[i].ID] = &today.Tools[i]
	}
	for _, id := range then.IDs() {
		was := then.Tools[id]
		if !was.Exists {
			continue
		}
		t := schema.Tool{ID: id, Options: was.Options, Lifecycle: lifecycleOf(was)}
		if now[id] != nil {
			t.Lifecycle, t.Pos = now[id].Lifecycle, now[id].Pos
		}
		for _, need := range was.DependsOn {
			if of := then.Tools[need]; of != nil && of.Exists {
				t.DependsOn = append(t.DependsOn, need)
			}
		}
		if err := unhide(&t, now[id]); err != nil {
			return nil, err
		}
		config.Tools = append(config.Tools, t)
	}
	return config, nil
}

// unhide puts secrets in their places and finds the references.
func unhide(t *schema.Tool, today *schema.Tool) error {
	tree, err := decodeTree(t.Options)
	if err != nil {
		return fmt.Errorf("%s: %w", t.ID, err)
	}
	var wanted any
	if today != nil {
		if wanted, err = decodeTree(today.Options); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
	}
	tree = unveil(tree, wanted)
	_, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		s, _ := v.(string)
		parts, err := schema.SplitReferences(s)
		for _, p := range parts {
			if p.Ref != nil {
				p.Ref.Path = dotted("options", path)
				t.References = append(t.References, *p.Ref)
			}
		}
		return v, false, err
	})
	if err == nil {
		t.Options, err = encodeTree(tree)
	}
	return err
}

// lost stands for a secret that is nowhere. Nobody writes a NUL.
const lost = "\x00lost"

// lostSecret tells where a tool has lost a secret.
func lostSecret(t *schema.Tool) error {
	if !bytes.Contains(t.Options, []byte(`\u0000lost`)) {
		return nil
	}
	tree, err := decodeTree(t.Options)
	if err != nil {
		return err
	}
	_, err = mapTree(tree, nil, func(path []string, v any) (any, bool, error) {
		if v == lost {
			return nil, true, &LostSecretError{ID: t.ID, Path: dotted("options", path)}
		}
		return v, false, nil
	})
	return err
}

// unveil puts the secrets of today into what was.
func unveil(was, today any) any {
	switch was := was.(type) {
	case string:
		switch {
		case was == hidden && today == nil:
			return lost
		case was == hidden:
			return today
		}
	case map[string]any:
		now, _ := today.(map[string]any)
		for k, v := range was {
			was[k] = unveil(v, now[k])
		}
	case []any:
		now, _ := today.([]any)
		for i, other := range pair(was, now) {
			was[i] = unveil(was[i], other)
		}
	}
	return was
}

// pair finds for every element of a list the one that it is in another, where they may stand in another order: the one
// that says the same but for secrets, or else the one in its place if that is no other's. Nil where there is none.
func pair(list, others []any) []any {
	pairs, taken := make([]any, len(list)), make([]bool, len(others))
	take := func(i, j int) { pairs[i], taken[j] = others[j], true }
	for i := range min(len(list), len(others)) {
		if agree(list[i], others[i]) {
			take(i, i)
		}
	}
	for i, v := range list {
		if pairs[i] != nil || v == hidden {
			continue
		}
		for j, other := range others {
			if !taken[j] && agree(v, other) {
				take(i, j)
				break
			}
		}
	}
	for i := range min(len(list), len(others)) {
		if pairs[i] == nil && !taken[i] {
			take(i, i)
		}
	}
	return pairs
}

// agree tells whether what was may be what is written today: secrets and outputs may have been anything.
func agree(was, today any) bool {
	if was == hidden || refersToOutput(today) {
		return true
	}
	switch was := was.(type) {
	case map[string]any:
		now, ok := today.(map[string]any)
		if !ok || len(was) != len(now) {
			return false
		}
		for k, v := range was {
			if other, there := now[k]; !there || !agree(v, other) {
				return false
			}
		}
		return true
	case []any:
		now, ok := today.([]any)
		return ok && slices.EqualFunc(was, now, agree)
	}
	return was == today
}

// LostSecretError says that a secret would be needed that is nowhere: none is ever recorded.
type LostSecretError struct {
	ID   schema.ID
	Path string
}

func (e *LostSecretError) Error() string {
	return fmt.Sprintf("%s: %s was secret, so it was not recorded", e.ID, e.Path)
}

// Hint says what the user can do about it.
func (e *LostSecretError) Hint() string {
	return fmt.Sprintf("write %s with its %s into the configuration, or --exclude %s", e.ID, strings.TrimPrefix(e.Path, "options."), e.ID)
}

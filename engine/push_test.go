package engine

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/devstream-io/dtm/store/mem"
)

func TestAStateThatIsPushedIsTheStateThatWasPulled(t *testing.T) {
	h := newHouse(t)
	h.apply("a value=1\nb value=@a.url token=CANARY")
	h.after = failing("create", "c", errHalf)
	_, _ = h.try("a value=1\nb value=@a.url token=CANARY\nc")
	h.after = nil
	raw, err := json.Marshal(NewStateDocument(h.state()))
	if err != nil {
		t.Fatal(err)
	}
	var doc StateDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if s, err := h.amend(Push(doc, false)); err != nil || s.Run != "" {
		t.Errorf("the same once more: %+v %v", s, err)
	}
	h.apply("a value=2\nd")
	if _, err := h.amend(Push(doc, false)); !errors.Is(err, ErrPush) {
		t.Errorf("an old one: %v", err)
	}
	if _, err := h.amend(Push(doc, true)); err != nil {
		t.Fatal(err)
	}
	h.same("the record", recordText(t, h), toolsText(t, doc))
	other := mem.New()
	h.store = other
	h.apply("x")
	if _, err := h.amend(Push(doc, false)); !errors.Is(err, ErrPush) {
		t.Errorf("another lineage: %v", err)
	}
	doc.Tools = append(doc.Tools, doc.Tools[0])
	if _, err := h.amend(Push(doc, true)); !errors.Is(err, ErrPush) {
		t.Errorf("a tool twice: %v", err)
	}
}

func recordText(t *testing.T, h *house) string {
	t.Helper()
	return toolsText(t, NewStateDocument(h.state()))
}

// toolsText has what a push restores: all but the times and the runs.
func toolsText(t *testing.T, doc StateDocument) string {
	t.Helper()
	text := ""
	for _, tool := range doc.Tools {
		raw, err := json.Marshal(struct {
			ID                         any
			Options, Resource, Digests any
			Exists, Doubt              bool
		}{tool.ID, tool.Options, tool.Resource, tool.Digests, tool.Exists, tool.Doubt != nil})
		if err != nil {
			t.Fatal(err)
		}
		text += string(raw) + "\n"
	}
	return text
}

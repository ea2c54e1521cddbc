package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

func TestWhatAPluginConcealsIsHiddenInAllThatItSays(t *testing.T) {
	h := newHouse(t)
	h.before = func(ctx context.Context, verb string, _ options) error {
		plugins.Conceal(ctx, "CANARY")
		plugins.Report(ctx, "CANARY is on its way")
		if verb == "read" {
			return nil
		}
		return errors.New("CANARY is refused")
	}
	_, err := h.try("a")
	text := fmt.Sprint(err, h.journal())
	for _, ev := range h.events {
		text += fmt.Sprintf("%+v\n", ev)
	}
	if strings.Contains(text, "CANARY") || !strings.Contains(text, hidden+" is refused") || !strings.Contains(text, hidden+" is on its way") {
		t.Errorf("it was shown: %s", text)
	}
}

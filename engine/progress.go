package engine

import (
	"context"
	"sync"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
)

// listen is a context whose reports become events of a tool, until end is called: what a verb leaves running has nothing
// to say any more.
func (e *Engine) listen(ctx context.Context, id schema.ID, action Action) (_ context.Context, end func()) {
	var mu sync.Mutex
	said, over := "", false
	ctx = plugins.WithReport(ctx, func(text string) {
		text = e.secrets.line(text)
		mu.Lock()
		defer mu.Unlock()
		if over || text == "" || text == said {
			return
		}
		said = text
		e.emit(Progress{ID: id, Action: action, Text: text, Time: e.Now()})
	})
	return ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

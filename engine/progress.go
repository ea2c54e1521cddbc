package engine

import (
	"context"
	"sync"

	"github.com/devstream-io/dtm/plugins"
)

// listen is a context whose reports become events of a change, until end is called: what a verb leaves running has nothing
// to say any more.
func (r *run) listen(ctx context.Context, c *Change, action Action) (_ context.Context, end func()) {
	var mu sync.Mutex
	said, over := "", false
	ctx = plugins.WithReport(ctx, func(text string) {
		text = r.engine.secrets.line(text)
		mu.Lock()
		defer mu.Unlock()
		if over || text == "" || text == said {
			return
		}
		said = text
		r.engine.emit(Progress{ID: c.ID, Action: action, Text: text, Time: r.engine.Now()})
	})
	return ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

package helm

import (
	"errors"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

func TestAReleaseLivesAndGoes(t *testing.T) {
	w := newWorld(t)
	ctx, said := listen(t.Context())
	path := chartFolder(t, "plain")
	r, err := w.plugin.Create(ctx, w.wish(path, `{}`))
	w.must(err)
	t.Logf("%+v", r)
	t.Log(said())
	r2, err := w.plugin.Read(ctx, w.wish(path, `{}`), r)
	w.must(err)
	t.Logf("%+v", r2)
	w.must(w.plugin.Delete(ctx, w.wish(path, `{}`), r))
	t.Log(said())
	if _, err := w.plugin.Read(ctx, w.wish(path, `{}`), r); !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("read after delete: %v", err)
	}
}

package helm

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

// This one runs in quick runs, too: a release's life from a namespace that is not there to one that is gone.
func TestAReleaseLivesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, said := listen(t.Context())
	want := w.wish(chartFolder(t, "plain"), `{"password": "s3cret", "podAnnotations": {"dtm.test/delay": "1s"}}`)

	preview, err := w.plugin.Preview(ctx, want, Options{}, Resource{})
	w.must(err)
	var names []string
	for _, part := range preview.Parts {
		names = append(names, part.Action+" "+strings.ReplaceAll(part.Name, w.namespace, "NS"))
	}
	if !slices.Equal(names, []string{"create ConfigMap NS/r", "create Deployment NS/r", "create Secret NS/r", "create Service NS/r"}) {
		t.Errorf("the preview: %v", names)
	}
	if !slices.Equal(preview.Notes, []string{"the namespace " + w.namespace + " is made"}) {
		t.Errorf("the notes: %q", preview.Notes)
	}

	r, err := w.plugin.Create(ctx, want)
	w.must(err)
	w.readsAs(want, r)
	heard := strings.Join(said(), "\n")
	for _, part := range []string{"installing plain 1.0.0", "0 of 1 workloads ready: waiting for r"} {
		if !strings.Contains(heard, part) {
			t.Errorf("nobody said %q, but\n%s", part, heard)
		}
	}
	text := compared(r)
	if strings.Contains(text, "s3cret") {
		t.Errorf("the resource has the password in it: %s", text)
	}
	text = regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(strings.ReplaceAll(text, w.namespace, "NS"), "#")
	if is := `{"release":"r","namespace":"NS","revision":1,"state":"deployed",` +
		`"chart":{"name":"plain","version":"1.0.0","digest":"sha256:#"},"valuesHash":"#",` +
		`"workloads":[{"kind":"Deployment","namespace":"NS","name":"r","replicas":1,"images":{"plain":"registry.test/plain:1.0"},"ready":true}],` +
		`"status":{"ready":""},` +
		`"outputs":{"namespace":"NS","release":"r","url":"http://r.NS.svc","urls":{"r":"http://r.NS.svc"},"secrets":["r"],"admin_secret":""}}`; text != is {
		t.Errorf("the resource is\n%s, want\n%s", text, is)
	}

	again, err := w.plugin.Update(ctx, want, want, r)
	w.must(err)
	if compared(again) != compared(r) {
		t.Errorf("an update with nothing to do made %+v of %+v", again, r)
	}
	more := w.wish(want.Chart.ChartName, `{"password": "s3cret", "replicas": 2}`)
	r, err = w.plugin.Update(ctx, more, want, r)
	w.must(err)
	w.readsAs(more, r)
	if r.Revision != 2 || *r.Workloads[0].Replicas != 2 {
		t.Errorf("after the update there is %+v", r)
	}

	w.must(w.plugin.Delete(ctx, more, r))
	w.hasNoNamespace()
	if _, err := w.plugin.Read(ctx, more, r); !errors.Is(err, plugins.ErrNotFound) {
		t.Errorf("read after delete: %v", err)
	}
}

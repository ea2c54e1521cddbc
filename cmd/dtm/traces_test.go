package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

// What a trace has in it is tested in trace, where protobuf can be read. Here: that every command sends one, with no word
// more than it should have.

func TestEveryRunSendsATraceIfTheEnvironmentAsksForIt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var bodies [][]byte
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, body)
	}))
	defer collector.Close()
	dir := t.TempDir()
	manyFiles(t, dir, 3)
	for _, c := range []struct {
		args []string
		has  []string
	}{
		{[]string{"apply", "-y", "--events", "sesame"}, []string{"dtm apply", "create localfile.t0", "create localfile.t2", "finished", "succeeded"}},
		{[]string{"apply", "-y"}, nil}, // nothing to do
		{[]string{"plan"}, nil},
		{[]string{"destroy", "-y"}, []string{"dtm destroy", "delete localfile.t1"}},
	} {
		cmd := dtm(t, dir, c.args...)
		cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "traces") {
			t.Fatalf("dtm %v: %v\n%s", c.args, err, out)
		}
		mu.Lock()
		sent := bytes.Join(bodies, nil)
		bodies = nil
		mu.Unlock()
		if (len(sent) > 0) != (c.has != nil) {
			t.Errorf("dtm %v sent %d bytes", c.args, len(sent))
		}
		for _, want := range c.has {
			if !bytes.Contains(sent, []byte(want)) {
				t.Errorf("dtm %v did not send %q", c.args, want)
			}
		}
		for _, not := range []string{"sesame", "-y", "content"} {
			if bytes.Contains(sent, []byte(not)) {
				t.Errorf("dtm %v sent %q", c.args, not)
			}
		}
	}
}

func TestATraceThatCannotBeSentIsAWarningAfterTheLastWord(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for variable, want := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + gone.URL: "✔ Apply finished.\n⚠ The traces are not complete: ",
		"OTEL_TRACES_EXPORTER=zipkin":             "⚠ There are no traces: OTEL_TRACES_EXPORTER=zipkin is not supported: dtm has otlp or none\n",
	} {
		dir := t.TempDir()
		manyFiles(t, dir, 1)
		cmd := dtm(t, dir, "apply", "-y")
		cmd.Env = append(os.Environ(), variable)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Count(string(out), want) != 1 || strings.Count(string(out), "⚠") != 1 {
			t.Errorf("%s: %v\n%s", variable, err, out)
		}
	}
}

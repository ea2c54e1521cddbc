package trace_test

import (
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/devstream-io/dtm/cmd/dtm/trace"
	"github.com/devstream-io/dtm/cmd/dtm/ui"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// The SDK reads the environment of the process and has one place for its errors, so no test here runs beside another.

var _ ui.Progress = (*trace.Tracer)(nil)

// collector is an OTLP collector.
type collector struct {
	*httptest.Server
	mu       sync.Mutex
	paths    []string
	headers  http.Header
	resource map[string]any
	spans    map[string]*tracepb.Span
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{resource: map[string]any{}, spans: map[string]*tracepb.Span{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collectorpb.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.paths, c.headers = append(c.paths, r.URL.Path), r.Header
		for _, of := range request.ResourceSpans {
			maps.Copy(c.resource, values(of.Resource.Attributes))
			for _, scope := range of.ScopeSpans {
				for _, span := range scope.Spans {
					if c.spans[span.Name] != nil {
						t.Errorf("%s came twice", span.Name)
					}
					c.spans[span.Name] = span
				}
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// values are attributes as Go has them.
func values(attributes []*commonpb.KeyValue) map[string]any {
	all := map[string]any{}
	for _, kv := range attributes {
		switch v := kv.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			all[kv.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			all[kv.Key] = v.IntValue
		case *commonpb.AnyValue_DoubleValue:
			all[kv.Key] = v.DoubleValue
		default:
			all[kv.Key] = v
		}
	}
	return all
}

// clean takes every variable of OpenTelemetry out of the environment, and puts in what the pairs say.
func clean(t *testing.T, pairs ...string) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "TRACE") {
			t.Setenv(name, "")
		}
	}
	for _, kv := range pairs {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
}

func start(t *testing.T) *trace.Tracer {
	t.Helper()
	tracer, err := trace.Start(t.Context(), os.Getenv, "1.2.3", "apply")
	if err != nil {
		t.Fatal(err)
	}
	if tracer == nil {
		t.Fatal("it is not wanted")
	}
	t.Cleanup(tracer.Close)
	return tracer
}

// began is when the runs of these tests began, and at is so many seconds later.
var began = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func at(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }

// history is a run in which everything happens.
func history() []engine.Event {
	return []engine.Event{
		engine.Reading{Done: 1, Total: 1},
		engine.RunStarted{Run: "run-1", Total: 6, Time: at(0)},
		engine.Started{ID: "localfile.made", Action: engine.Create, Time: at(1)},
		engine.Started{ID: "localfile.same", Action: engine.Update, Time: at(1)},
		engine.Started{ID: "argocd.flaky", Action: engine.Replace, Time: at(1)},
		engine.Started{ID: "argocd.broken", Action: engine.Delete, Time: at(1)},
		engine.Finished{ID: "localfile.made", Action: engine.Create, Duration: 2 * time.Second, Time: at(3)},
		engine.Finished{ID: "localfile.same", Action: engine.Update, Duration: time.Second, Unchanged: true, Time: at(2)},
		engine.Retrying{ID: "argocd.flaky", Action: engine.Replace, Attempt: 2, Err: errors.New("503"), In: 1500 * time.Millisecond, Time: at(2)},
		engine.Progress{ID: "argocd.flaky", Action: engine.Replace, Text: "1 of 2", Time: at(3)},
		engine.Progress{ID: "argocd.unheard", Action: engine.Replace, Text: "1 of 2", Time: at(3)},
		engine.Retrying{ID: "argocd.flaky", Action: engine.Replace, Attempt: 3, Err: errors.New("504"), In: 3 * time.Second, Time: at(4)},
		engine.Finished{ID: "argocd.flaky", Action: engine.Replace, Duration: 8 * time.Second, Time: at(9)},
		engine.Failed{ID: "argocd.broken", Action: engine.Delete, Err: errors.New("no such \xff host"), Duration: 4 * time.Second, Time: at(5)},
		engine.Skipped{ID: "localfile.after", Action: engine.Create, Causes: []schema.ID{"argocd.broken"}, Time: at(5)},
		// What needs no verb is not started.
		engine.Finished{ID: "localfile.released", Action: engine.Delete, Duration: time.Second, Time: at(6)},
		engine.RunFinished{Summary: engine.Summary{Run: "run-1", Result: store.FailedRun}, Time: at(10)},
	}
}

func tell(p ui.Progress, events ...engine.Event) {
	for _, ev := range events {
		p.Event(ev)
	}
}

func TestARunIsOneSpanAndEveryToolIsOneBelowIt(t *testing.T) {
	c := newCollector(t)
	clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL+"/otlp", "OTEL_EXPORTER_OTLP_HEADERS=api-key=sesame")
	tracer := start(t)
	tell(tracer, history()...)
	tracer.Close()
	tracer.Close()
	if err := tracer.Err(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(c.paths, []string{"/otlp/v1/traces"}) || c.headers.Get("api-key") != "sesame" || c.headers.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("%v came with %v", c.paths, c.headers)
	}
	if c.resource["service.name"] != "dtm" || c.resource["service.version"] != "1.2.3" || c.resource["telemetry.sdk.language"] != "go" {
		t.Errorf("it is of %v", c.resource)
	}
	root := c.spans["dtm apply"]
	if root == nil || len(root.ParentSpanId) != 0 || root.StartTimeUnixNano != nano(0) || root.EndTimeUnixNano != nano(10) {
		t.Fatalf("the run is %v", root)
	}
	if got, want := values(root.Attributes), (map[string]any{"dtm.run": "run-1", "dtm.command": "apply", "dtm.result": "failed"}); !reflect.DeepEqual(got, want) {
		t.Errorf("the run has %v", got)
	}
	if s := root.Status; s.Code != tracepb.Status_STATUS_CODE_ERROR || s.Message != "failed" {
		t.Errorf("the run has ended with %v", s)
	}
	for _, want := range []struct {
		id, action, outcome, message string
		from, to                     int
	}{
		{"localfile.made", "create", "finished", "", 1, 3},
		{"localfile.same", "update", "unchanged", "", 1, 2},
		{"argocd.flaky", "replace", "finished", "", 1, 9},
		{"argocd.broken", "delete", "failed", "no such \uFFFD host", 1, 5},
		{"localfile.after", "create", "skipped", "", 5, 5},
		{"localfile.released", "delete", "finished", "", 5, 6},
	} {
		name := want.action + " " + want.id
		span := c.spans[name]
		if span == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		if !slices.Equal(span.ParentSpanId, root.SpanId) || !slices.Equal(span.TraceId, root.TraceId) {
			t.Errorf("%s is not below the run", name)
		}
		plugin, _, _ := strings.Cut(want.id, ".")
		attributes := map[string]any{"dtm.tool.id": want.id, "dtm.tool.plugin": plugin, "dtm.tool.action": want.action, "dtm.tool.outcome": want.outcome}
		if got := values(span.Attributes); !reflect.DeepEqual(got, attributes) {
			t.Errorf("%s has %v", name, got)
		}
		if span.StartTimeUnixNano != nano(want.from) || span.EndTimeUnixNano != nano(want.to) {
			t.Errorf("%s went from %d to %d", name, span.StartTimeUnixNano, span.EndTimeUnixNano)
		}
		if failed := span.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR; failed != (want.message != "") || span.Status.GetMessage() != want.message {
			t.Errorf("%s has ended with %v", name, span.Status)
		}
	}
	if len(c.spans) != 7 {
		t.Errorf("there are %v", slices.Sorted(maps.Keys(c.spans)))
	}
	retries := c.spans["replace argocd.flaky"].Events
	if len(retries) != 3 {
		t.Fatalf("the retries are %v", retries)
	}
	if got := retries[1]; got.Name != "progress" || values(got.Attributes)["dtm.tool.progress"] != "1 of 2" || got.TimeUnixNano != nano(3) {
		t.Errorf("the progress is %v", got)
	}
	first := map[string]any{"dtm.tool.attempt": int64(2), "dtm.tool.error": "503", "dtm.tool.wait": 1.5}
	if got := values(retries[0].Attributes); !reflect.DeepEqual(got, first) || retries[0].Name != "retry" || retries[0].TimeUnixNano != nano(2) {
		t.Errorf("the first retry is %v", retries[0])
	}
}

func nano(seconds int) uint64 { return uint64(at(seconds).UnixNano()) }

func TestTheEnvironmentSaysWhatTheRunBelongsToAndWhoseItIs(t *testing.T) {
	c := newCollector(t)
	clean(t, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+c.URL+"/mine", "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "TRACESTATE=vendor=1",
		"OTEL_SERVICE_NAME=toolchain", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=prod")
	tracer := start(t)
	tell(tracer, history()...)
	tracer.Close()
	if !slices.Equal(c.paths, []string{"/mine"}) || c.resource["service.name"] != "toolchain" || c.resource["deployment.environment.name"] != "prod" {
		t.Errorf("%v of %v", c.paths, c.resource)
	}
	root := c.spans["dtm apply"]
	if root == nil {
		t.Fatal("there is no run")
	}
	if trace, parent := hex.EncodeToString(root.TraceId), hex.EncodeToString(root.ParentSpanId); trace != "0af7651916cd43dd8448eb211c80319c" || parent != "b7ad6b7169203331" || root.TraceState != "vendor=1" {
		t.Errorf("the run is in %s below %s with %q", trace, parent, root.TraceState)
	}
}

func TestNothingIsSentUnlessItIsAskedFor(t *testing.T) {
	c := newCollector(t)
	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"nothing is set":    {nil, ""},
		"no collector":      {[]string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_SERVICE_NAME=x"}, ""},
		"disabled":          {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_SDK_DISABLED=True"}, ""},
		"none":              {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_TRACES_EXPORTER=none"}, ""},
		"another exporter":  {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_TRACES_EXPORTER=zipkin"}, "OTEL_TRACES_EXPORTER=zipkin is not supported: dtm has otlp or none"},
		"grpc":              {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not supported: dtm has http/protobuf"},
		"grpc for traces":   {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc is not supported: dtm has http/protobuf"},
		"no address":        {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT is not the address of a collector, as in http://localhost:4318"},
		"a broken address":  {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://me:secret@host:port"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not the address of a collector, as in http://localhost:4318"},
		"not HTTP":          {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=ftp://x"}, "OTEL_EXPORTER_OTLP_ENDPOINT is not the address of a collector, as in http://localhost:4318"},
		"disabled for good": {[]string{"OTEL_TRACES_EXPORTER=zipkin", "OTEL_SDK_DISABLED=true"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t, c.env...)
			tracer, err := trace.Start(t.Context(), os.Getenv, "1.2.3", "apply")
			if tracer != nil || err == nil && c.says != "" || err != nil && err.Error() != c.says {
				t.Fatalf("%v, %v", tracer, err)
			}
			// What main has is a Progress with nothing in it.
			tell(tracer, history()...)
			tracer.Close()
			if err := tracer.Err(); err != nil {
				t.Error(err)
			}
		})
	}
	if len(c.paths) > 0 {
		t.Errorf("%v came", c.paths)
	}
}

func TestARunThatTheParentDoesNotSampleIsNotSent(t *testing.T) {
	c := newCollector(t)
	clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
	tracer := start(t)
	tell(tracer, history()...)
	tracer.Close()
	if len(c.paths) > 0 || tracer.Err() != nil {
		t.Errorf("%v came, %v", c.paths, tracer.Err())
	}
}

func TestARunThatWasCutOffSaysSo(t *testing.T) {
	c := newCollector(t)
	clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL)
	tracer := start(t)
	tell(tracer, history()[:3]...)
	tracer.Close()
	for _, name := range []string{"dtm apply", "create localfile.made"} {
		if s := c.spans[name]; s == nil || s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || s.Status.Message != "the run has not come to its end" {
			t.Errorf("%s is %v", name, s)
		}
	}
}

// 3,000 are more than the SDK keeps by itself.
func TestEveryToolOfAFastRunIsSent(t *testing.T) {
	c := newCollector(t)
	clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL)
	tracer := start(t)
	const tools = 3000
	tracer.Event(engine.RunStarted{Run: "run-1", Total: tools, Time: at(0)})
	for i := range tools {
		tracer.Event(engine.Finished{ID: schema.MakeID("localfile", "t"+strings.Repeat("0", i%7)+time.Duration(i).String()), Action: engine.Create, Time: at(1)})
	}
	tracer.Event(engine.RunFinished{Summary: engine.Summary{Result: store.Succeeded}, Time: at(2)})
	tracer.Close()
	if len(c.spans) != tools+1 || tracer.Err() != nil {
		t.Errorf("%d came, %v", len(c.spans), tracer.Err())
	}
}

func TestACollectorThatIsOutOfOrderCostsAWarning(t *testing.T) {
	page := "<html>\n" + strings.Repeat("<p>out of order</p>", 1000)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"500":             {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, 500) }, "500 Internal Server Error"},
		"401":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, "401 Unauthorized"},
		"it takes a part": {func(w http.ResponseWriter, _ *http.Request) { partly(w) }, "full"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
			tracer := start(t)
			tell(tracer, history()...)
			tracer.Close()
			err := tracer.Err()
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// partly answers as a collector does that has taken some spans only.
func partly(w http.ResponseWriter) {
	answer, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{
		PartialSuccess: &collectorpb.ExportTracePartialSuccess{RejectedSpans: 3, ErrorMessage: "full"},
	})
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

func TestACollectorThatIsGoneCostsAWarning(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
	tracer := start(t)
	tell(tracer, history()...)
	tracer.Close()
	if err := tracer.Err(); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("it says %v", err)
	}
}

func TestACollectorThatHangsHoldsNobodyUp(t *testing.T) {
	for _, status := range []int{0, 503} { // what may pass is tried again, and that is to end as well
		hang := make(chan struct{})
		gone := make(chan struct{}, 100)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status != 0 {
				w.WriteHeader(status)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client has gone
			select {
			case <-r.Context().Done():
				gone <- struct{}{}
			case <-hang:
			}
		}))
		clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL, "OTEL_BSP_SCHEDULE_DELAY=1")
		tracer := start(t)
		trace.SetTimeout(tracer, 200*time.Millisecond)
		tell(tracer, history()...)
		closed := time.Now()
		tracer.Close()
		if took := time.Since(closed); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := tracer.Err(); err == nil || err.Error() != "the collector has not answered within 200ms" {
			t.Errorf("it says %v", err)
		}
		if status == 0 {
			<-gone // nothing that was begun goes on
		}
		close(hang)
		server.Close()
	}
}

func TestAMistakeInTheEnvironmentIsToldWithoutItsValue(t *testing.T) {
	for variable, says := range map[string]string{
		"OTEL_EXPORTER_OTLP_HEADERS=api-key=sesame%zz": "a variable OTEL_... (escape header value) is not valid",
		"OTEL_EXPORTER_OTLP_HEADERS=sesame":            "a variable OTEL_... (parse headers) is not valid",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=/sesame":       "a variable OTEL_... (read tls ca cert file) is not valid",
		"OTEL_RESOURCE_ATTRIBUTES=sesame":              "OTEL_RESOURCE_ATTRIBUTES is not valid",
	} {
		t.Run(variable, func(t *testing.T) {
			c := newCollector(t)
			clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, variable)
			tracer := start(t)
			tell(tracer, history()...)
			tracer.Close()
			err := tracer.Err()
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Fatalf("it says %v", err)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("it says what may be secret: %v", err)
			}
			if len(c.spans) != 7 {
				t.Errorf("%d came", len(c.spans))
			}
		})
	}
}

// Package trace tells OpenTelemetry how a run went: one span for the run, and below it one for each tool.
//
// It is the only door to go.opentelemetry.io, and it opens only if the standard variables say where to. The collector is
// somebody else's: one that is slow, broken or gone costs a run a warning and at most [closeTimeout]. What stands in
// options, in arguments and in the environment is not sent, but for what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say.
package trace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/devstream-io/dtm/schema"
)

// closeTimeout is how long Close waits for the collector.
const closeTimeout = 5 * time.Second

// queueSize is how many spans may wait for the collector; what is more is lost. The SDK's own choice, 2,048, is less than
// the tools that a fast run ends in the five seconds between two messages.
const queueSize = 1 << 16

// Tracer makes spans of the events of one run. It is a Progress: Event is called by one goroutine at a time. A nil Tracer
// does nothing.
type Tracer struct {
	command  string
	provider *sdk.TracerProvider
	spans    trace.Tracer
	timeout  time.Duration
	close    sync.Once
	// abandon ends what is being sent.
	abandon context.CancelFunc

	// run is the span of the run, and inRun the context that has it: the parent's before it began. running are those of tools.
	run     trace.Span
	inRun   context.Context
	running map[schema.ID]trace.Span

	mu  sync.Mutex
	err error
}

// Start makes a Tracer if the environment asks for traces, and nil otherwise; an error says that it asks for what cannot
// be had, and is no reason not to go on. command is the name of the command alone, version that of dtm. TRACEPARENT and
// TRACESTATE, if set, are what the run belongs to. The end of ctx ends nothing here: how an interrupted run went is told as
// well. The caller calls Close. There is one Tracer at a time, for the SDK has one place for its errors.
func Start(ctx context.Context, getenv func(string) string, version, command string) (*Tracer, error) {
	if on, err := wanted(getenv); !on {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &Tracer{command: command, abandon: cancel, timeout: closeTimeout, running: map[schema.ID]trace.Span{}}
	t.listen()
	client, err := otlptracehttp.New(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("OpenTelemetry: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "dtm"), attribute.String("service.version", version),
	), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil { // what could be read is there all the same
		t.report(invalid("OTEL_RESOURCE_ATTRIBUTES"))
	}
	var options []sdk.BatchSpanProcessorOption
	if getenv("OTEL_BSP_MAX_QUEUE_SIZE") == "" {
		options = append(options, sdk.WithMaxQueueSize(queueSize))
	}
	t.provider = sdk.NewTracerProvider(sdk.WithResource(about), sdk.WithBatcher(&exporter{client, ctx, t.report}, options...))
	t.spans = t.provider.Tracer("github.com/devstream-io/dtm", trace.WithInstrumentationVersion(version))
	t.inRun = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		"traceparent": getenv("TRACEPARENT"), "tracestate": getenv("TRACESTATE"),
	})
	t.run = trace.SpanFromContext(t.inRun)
	return t, nil
}

// exporter tells errors to its own Tracer instead of to the process, and gives up once its Tracer was closed.
type exporter struct {
	sdk.SpanExporter
	open   context.Context
	report func(error)
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.open, cancel)()
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil && e.open.Err() == nil {
		e.report(err)
	}
	return nil
}

// Close sends what was not sent and waits for that, five seconds at most. It may be called twice.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	t.close.Do(func() {
		t.endAll()
		// The run may have been cancelled, and how it went is told all the same.
		ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
		defer cancel()
		err := t.provider.Shutdown(ctx)
		t.abandon()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("the collector has not answered within %s", t.timeout)
		}
		t.report(err)
	})
}

// Err is why the traces are not complete, nil if they are. Ask after Close.
func (t *Tracer) Err() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// report keeps the first error: those that follow say the same.
func (t *Tracer) report(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil && err != nil {
		t.err = oneLine{err}
	}
}

// maxError is how many bytes of an error are shown: a collector may answer with a page.
const maxError = 300

// oneLine is an error that fits into a line.
type oneLine struct{ error }

func (e oneLine) Unwrap() error { return e.error }

func (e oneLine) Error() string {
	text := strings.Join(strings.Fields(e.error.Error()), " ")
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + " ..."
	}
	return text
}

package trace

import (
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// The values of dtm.tool.outcome.
const (
	outcomeFinished  = "finished"
	outcomeUnchanged = "unchanged"
	outcomeFailed    = "failed"
	outcomeSkipped   = "skipped"
)

// Event makes spans. They begin and end at the times of the events.
func (t *Tracer) Event(ev engine.Event) {
	if t == nil {
		return
	}
	switch ev := ev.(type) {
	case engine.RunStarted:
		t.inRun, t.run = t.spans.Start(t.inRun, "dtm "+t.command, trace.WithTimestamp(ev.Time), trace.WithAttributes(
			attribute.String("dtm.run", ev.Run), attribute.String("dtm.command", t.command),
		))
	case engine.Started:
		t.running[ev.ID] = t.begin(ev.ID, ev.Action, ev.Time)
	case engine.Retrying:
		if span, ok := t.running[ev.ID]; ok {
			span.AddEvent("retry", trace.WithTimestamp(ev.Time), trace.WithAttributes(
				attribute.Int("dtm.tool.attempt", ev.Attempt), attribute.String("dtm.tool.error", text(ev.Err)),
				attribute.Float64("dtm.tool.wait", ev.In.Seconds()),
			))
		}
	case engine.Progress:
		if span, ok := t.running[ev.ID]; ok {
			span.AddEvent("progress", trace.WithTimestamp(ev.Time), trace.WithAttributes(attribute.String("dtm.tool.progress", ev.Text)))
		}
	case engine.Finished:
		outcome := outcomeFinished
		if ev.Unchanged {
			outcome = outcomeUnchanged
		}
		t.end(ev.ID, ev.Action, outcome, ev.Duration, ev.Time, nil)
	case engine.Failed:
		t.end(ev.ID, ev.Action, outcomeFailed, ev.Duration, ev.Time, ev.Err)
	case engine.Skipped:
		t.end(ev.ID, ev.Action, outcomeSkipped, 0, ev.Time, nil)
	case engine.RunFinished:
		t.run.SetAttributes(attribute.String("dtm.result", string(ev.Summary.Result)))
		if ev.Summary.Result != store.Succeeded {
			t.run.SetStatus(codes.Error, string(ev.Summary.Result))
		}
		t.run.End(trace.WithTimestamp(ev.Time))
	case engine.Reading:
	}
}

// begin makes the span of a tool.
func (t *Tracer) begin(id schema.ID, action engine.Action, at time.Time) trace.Span {
	_, span := t.spans.Start(t.inRun, action.String()+" "+string(id), trace.WithTimestamp(at), trace.WithAttributes(
		attribute.String("dtm.tool.id", string(id)), attribute.String("dtm.tool.plugin", id.Plugin()),
	))
	return span
}

// take is the span of a tool that has ended. What was done without a verb was never started.
func (t *Tracer) take(id schema.ID, action engine.Action, took time.Duration, at time.Time) trace.Span {
	span, ok := t.running[id]
	if !ok {
		return t.begin(id, action, at.Add(-took))
	}
	delete(t.running, id)
	// What was unknown when it began may have made another action of it.
	span.SetName(action.String() + " " + string(id))
	return span
}

// end ends the span of a tool.
func (t *Tracer) end(id schema.ID, action engine.Action, outcome string, took time.Duration, at time.Time, err error) {
	span := t.take(id, action, took, at)
	span.SetAttributes(attribute.String("dtm.tool.action", action.String()), attribute.String("dtm.tool.outcome", outcome))
	if err != nil {
		span.SetStatus(codes.Error, text(err))
	}
	span.End(trace.WithTimestamp(at))
}

// text is an error as it can be sent: one byte that is no UTF-8 would cost the whole message.
func text(err error) string { return strings.ToValidUTF8(err.Error(), "\uFFFD") }

// endAll ends what is left when a run has not come to its end.
func (t *Tracer) endAll() {
	for id, span := range t.running {
		span.SetStatus(codes.Error, cutOff)
		span.End()
		delete(t.running, id)
	}
	if t.run.IsRecording() {
		t.run.SetStatus(codes.Error, cutOff)
		t.run.End()
	}
}

// cutOff is what is said of a span whose end was not heard of.
const cutOff = "the run has not come to its end"

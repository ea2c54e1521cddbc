package trace

import (
	"fmt"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
)

// listen makes the SDK tell its errors to t instead of to standard error. All that it tells so is about variables in the
// environment; what they hold may be secret, as a collector's key in OTEL_EXPORTER_OTLP_HEADERS, and is not repeated.
func (t *Tracer) listen() {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { t.report(invalid("a variable OTEL_...")) }))
	otel.SetLogger(logr.New(sink{t}))
}

func invalid(what string) error { return fmt.Errorf("%s is not valid", what) }

// sink takes what the SDK logs: the errors, without the values that they are about.
type sink struct{ t *Tracer }

func (s sink) Error(_ error, msg string, _ ...any) {
	s.t.report(invalid("a variable OTEL_... (" + msg + ")"))
}

func (s sink) Init(logr.RuntimeInfo)          {}
func (s sink) Enabled(int) bool               { return false }
func (s sink) Info(int, string, ...any)       {}
func (s sink) WithValues(...any) logr.LogSink { return s }
func (s sink) WithName(string) logr.LogSink   { return s }

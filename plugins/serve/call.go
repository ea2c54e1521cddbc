package serve

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// replacement is what takes the place of bytes that are no UTF-8: no text of the protocol may have any.
const replacement = "\uFFFD"

// verb runs a verb with a context by which it can report, conceal and log, and says its outcome.
func (s *server) verb(call *protocol.Call, stream grpc.ServerStreamingServer[protocol.VerbResponse],
	run func(ctx context.Context) (*protocol.VerbResponse, error),
) error {
	ctx, end := s.begin(stream.Context(), call.GetId())
	defer end()
	if limit := call.GetTimeoutMillis(); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(limit)*time.Millisecond)
		defer cancel()
	}
	out := &events{stream: stream}
	ctx = plugins.WithReport(ctx, out.progress)
	ctx = plugins.WithConceal(ctx, out.secret)
	ctx = zerolog.New(logWriter{out}).WithContext(ctx)

	outcome, err := run(ctx)
	if err != nil {
		outcome = &protocol.VerbResponse{Event: &protocol.VerbResponse_Failure{Failure: failure(ctx, err)}}
	}
	return out.last(outcome)
}

// events is what a verb says on its way. It may be used by many goroutines, also by those that outlive the verb: they have
// nothing to say any more.
type events struct {
	mu     sync.Mutex
	stream grpc.ServerStreamingServer[protocol.VerbResponse]
	over   bool
}

// send leaves an event out that cannot be sent: if dtm is gone, so is this process.
func (e *events) send(event *protocol.VerbResponse) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		_ = e.stream.Send(event)
	}
}

func (e *events) last(outcome *protocol.VerbResponse) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	return e.stream.Send(outcome)
}

func (e *events) progress(text string) {
	text = strings.ToValidUTF8(text, replacement)
	e.send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Progress{Progress: &protocol.Progress{Text: text}}})
}

func (e *events) secret(value string) {
	value = strings.ToValidUTF8(value, replacement)
	e.send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Secret{Secret: &protocol.Secret{Value: value}}})
}

func result(resource json.RawMessage, err error) (*protocol.VerbResponse, error) {
	if err != nil {
		return nil, err
	}
	return &protocol.VerbResponse{Event: &protocol.VerbResponse_Result{Result: &protocol.Result{Resource: resource}}}, nil
}

func preview(p plugins.Preview) *protocol.PreviewResult {
	clean := func(text string) string { return strings.ToValidUTF8(text, replacement) }
	all := func(texts []string) []string {
		var cleaned []string
		for _, text := range texts {
			cleaned = append(cleaned, clean(text))
		}
		return cleaned
	}
	result := &protocol.PreviewResult{Notes: all(p.Notes)}
	for _, f := range p.Settled {
		result.Settled = append(result.Settled, &protocol.PreviewResult_Fact{Name: clean(f.Name), Value: clean(f.Value)})
	}
	for _, part := range p.Parts {
		result.Parts = append(result.Parts, &protocol.PreviewResult_Part{
			Action: clean(part.Action), Name: clean(part.Name), Fields: all(part.Fields),
		})
	}
	return result
}

package external

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// cancelAgain is how often a verb is asked to stop: the first time it may not have begun.
const cancelAgain = 200 * time.Millisecond

type stream = grpc.ServerStreamingClient[protocol.VerbResponse]

// opener begins a verb.
type opener func(ctx context.Context, api protocol.PluginClient, call *protocol.Call) (stream, error)

// verb calls a verb and returns its outcome, which is no failure. The error is the plugin's own, or says what became of the
// process.
func (i *installed) verb(ctx context.Context, name string, open opener) (*protocol.VerbResponse, error) {
	p, err := i.running(ctx)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", i.Name, err)
	}
	outcome, err := p.ask(ctx, open)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %s: %w", i.Name, name, err)
	}
	if f := outcome.GetFailure(); f != nil {
		return nil, p.failure(ctx, name, f)
	}
	return outcome, nil
}

// ask waits for the outcome, also when ctx is done: what a verb has done must be known before it is recorded.
func (p *process) ask(ctx context.Context, open opener) (*protocol.VerbResponse, error) {
	id, end := p.begin(ctx)
	defer end()
	for _, value := range p.own {
		plugins.Conceal(ctx, value)
	}
	call := &protocol.Call{Id: id}
	if deadline, ok := ctx.Deadline(); ok {
		// Rounded up: if it ended before ctx, the caller would not know that its own deadline was the reason.
		call.TimeoutMillis = max(1, time.Until(deadline).Milliseconds()+1)
	}
	rpc, over := context.WithCancel(context.WithoutCancel(ctx))
	defer over()
	events, err := open(rpc, p.api, call)
	if err != nil {
		return nil, p.broken(ctx, err)
	}
	go p.attend(ctx, rpc, over, id)
	for {
		event, err := events.Recv()
		if errors.Is(err, io.EOF) {
			return nil, plugins.Hinted(errors.New("it ended without an outcome"), bugHint)
		}
		if err != nil {
			return nil, p.broken(ctx, err)
		}
		switch e := event.GetEvent().(type) {
		case *protocol.VerbResponse_Progress:
			plugins.Report(ctx, p.redact(ctx, e.Progress.GetText()))
		case *protocol.VerbResponse_Secret:
			p.concealed.add(e.Secret.GetValue())
			plugins.Conceal(ctx, e.Secret.GetValue())
		case *protocol.VerbResponse_Log:
			p.log(ctx, e.Log)
		case *protocol.VerbResponse_Result, *protocol.VerbResponse_Failure, *protocol.VerbResponse_Preview:
			return event, nil
		default:
			// A plugin that is newer than this dtm may say what this one does not know.
		}
	}
}

// attend asks a verb to stop when ctx is done, and kills the process if it does not. rpc is done when the verb is, which over
// can bring about.
func (p *process) attend(ctx, rpc context.Context, over func(), id string) {
	select {
	case <-rpc.Done():
		return
	case <-p.program.exited:
		// What it said before is still on its way, but not for long.
		select {
		case <-rpc.Done():
		case <-time.After(endWait):
			over()
		}
		return
	case <-ctx.Done():
	}
	grace := p.host.options.Grace
	patience, end := context.WithTimeout(rpc, grace)
	defer end()
	for patience.Err() == nil {
		again, cancel := context.WithTimeout(patience, cancelAgain)
		_, _ = p.api.Cancel(again, &protocol.CancelRequest{Id: id})
		<-again.Done()
		cancel()
	}
	if rpc.Err() == nil {
		p.program.kill(fmt.Errorf("it did not stop within %v of being asked to, and was killed", grace))
	}
}

// log writes what a verb says for the debug log.
func (p *process) log(ctx context.Context, said *protocol.Log) {
	level := zerolog.DebugLevel
	switch said.GetLevel() {
	case protocol.Log_LEVEL_INFO:
		level = zerolog.InfoLevel
	case protocol.Log_LEVEL_WARN:
		level = zerolog.WarnLevel
	case protocol.Log_LEVEL_ERROR:
		level = zerolog.ErrorLevel
	case protocol.Log_LEVEL_UNSPECIFIED, protocol.Log_LEVEL_DEBUG:
	}
	entry := zerolog.Ctx(ctx).WithLevel(level)
	if !entry.Enabled() {
		return
	}
	fields := make(map[string]any, len(said.GetFields()))
	for name, value := range said.GetFields() {
		fields[p.redact(ctx, name)] = p.redact(ctx, value)
	}
	// A plugin does not tell the time, the level or who it is.
	for _, name := range []string{zerolog.LevelFieldName, zerolog.TimestampFieldName, zerolog.MessageFieldName, "plugin"} {
		delete(fields, name)
	}
	entry.Str("plugin", p.Name).Fields(fields).Msg(p.redact(ctx, said.GetText()))
}

// print writes a line that the process has printed to the debug log. Nobody can tell which verb has printed it.
func (p *process) print(line string) {
	p.host.options.Log.Debug().Str("plugin", p.Name).Msg(p.redactAll(line))
}

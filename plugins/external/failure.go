package external

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

const bugHint = "this is a bug in the plugin; run again with --debug and report it to whoever made it"

// errNoMethod is wrapped where the plugin has left a method out.
var errNoMethod = errors.New("it does not have this method")

// failed is an error of a plugin: its own words, and what errors.Is finds in it.
type failed struct {
	text string
	is   []error
}

func (f *failed) Error() string   { return f.text }
func (f *failed) Unwrap() []error { return f.is }

// failure is the error that the plugin has made, as it would be without a process between.
func (p *process) failure(ctx context.Context, verb string, f *protocol.Failure) error {
	text := p.redact(ctx, f.GetMessage())
	if text == "" {
		text = fmt.Sprintf("plugin %s: %s failed and does not say why", p.Name, verb)
	}
	made := &failed{text: text}
	if stack := f.GetStack(); stack != "" {
		stack = p.redact(ctx, stack)
		zerolog.Ctx(ctx).Debug().Str("plugin", p.Name).Str("stack", stack).Msg(text)
		made.is = append(made.is, &plugins.PanicError{
			Plugin: p.Name, Verb: verb, Stack: []byte(stack),
			Value: strings.TrimPrefix(text, fmt.Sprintf("plugin %s panicked in %s: ", p.Name, verb)),
		})
	}
	if f.GetNotFound() {
		made.is = append(made.is, plugins.ErrNotFound)
	}
	if f.GetCancelled() {
		made.is = append(made.is, whyDone(ctx))
	}
	var err error = made
	if f.GetHint() != "" {
		err = plugins.Hinted(err, p.redact(ctx, f.GetHint()))
	}
	if f.GetRetryable() {
		err = plugins.Retryable(err, time.Duration(max(0, f.GetAfterMillis()))*time.Millisecond)
	}
	return err
}

// whyDone is ctx's error. The plugin's clock may have struck a moment before ctx's.
func whyDone(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := ctx.Deadline(); ok {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// broken is the error of a call that gRPC says has failed: the process has ended, or does not keep to the protocol.
func (p *process) broken(ctx context.Context, err error) error {
	if p.endsSoon(err) {
		crash := p.crash()
		switch {
		case errors.Is(crash, errClosed):
			return crash
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w", ctx.Err(), crash)
		}
		// The next call finds another process.
		return plugins.Retryable(crash, 0)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	said := p.redact(ctx, status.Convert(err).Message())
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return plugins.Hinted(fmt.Errorf("a message may have %d MiB at most: %s", protocol.MaxMessage>>20, said),
			"a resource is a description of what exists, not its content")
	case codes.Unimplemented:
		return plugins.Hinted(errNoMethod, "use a version of the plugin that is for this dtm")
	}
	return plugins.Hinted(fmt.Errorf("it said no outcome, but %s: %s", status.Code(err), said), bugHint)
}

// crash is the error of a process that has ended.
func (p *process) crash() error {
	end := p.end()
	if errors.Is(end, errClosed) {
		return end
	}
	return plugins.Hinted(end, bugHint)
}

// end says how the process has ended, and its last words.
func (p *process) end() error {
	how := p.program.reason()
	if how == nil {
		how = fmt.Errorf("its process ended: %v", p.program.cmd.ProcessState)
	}
	if words := p.redactAll(p.heard.last()); words != "" && !errors.Is(how, errClosed) {
		return fmt.Errorf("%w: it said last:\n  %s", how, strings.ReplaceAll(words, "\n", "\n  "))
	}
	return how
}

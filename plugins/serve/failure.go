package serve

import (
	"context"
	"errors"
	"strings"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/protocol"
)

// failure is an error with all that dtm asks of one. ctx is the one that the verb had.
func failure(ctx context.Context, err error) *protocol.Failure {
	f := &protocol.Failure{
		Message:  strings.ToValidUTF8(err.Error(), replacement),
		NotFound: errors.Is(err, plugins.ErrNotFound),
		Cancelled: ctx.Err() != nil &&
			(errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)),
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		f.Hint = strings.ToValidUTF8(hinted.Hint(), replacement)
	}
	if after, ok := plugins.RetryAfter(err); ok {
		f.Retryable, f.AfterMillis = true, after.Milliseconds()
	}
	var panicked *plugins.PanicError
	if errors.As(err, &panicked) {
		f.Stack = strings.ToValidUTF8(string(panicked.Stack), replacement)
	}
	return f
}

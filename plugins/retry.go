package plugins

import (
	"errors"
	"time"
)

// Retryable marks an error as one that may pass: the verb may be called again, after so long at least (0 if that does not
// matter). How often that is done is for the user to say. The text of the error stays as it is. Of nil it makes nil.
func Retryable(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryable{err: err, after: after}
}

// RetryAfter tells whether an error is marked by [Retryable], and how long to wait at least.
func RetryAfter(err error) (after time.Duration, ok bool) {
	var r *retryable
	if !errors.As(err, &r) {
		return 0, false
	}
	return r.after, true
}

type retryable struct {
	err   error
	after time.Duration
}

func (r *retryable) Error() string { return r.err.Error() }
func (r *retryable) Unwrap() error { return r.err }

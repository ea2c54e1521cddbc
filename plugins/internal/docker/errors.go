package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/devstream-io/dtm/plugins"
)

// explain makes an error of the engine into one for the user. Of nil it makes nil.
func (e *Engine) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("docker engine at %s: %w", e.host, err)
	case client.IsErrConnectionFailed(err):
		return e.silent(err)
	}
	err = fmt.Errorf("docker engine at %s: %w", e.host, &plain{err})
	text := strings.ToLower(err.Error())
	switch {
	case strings.Contains(text, "port is already allocated"), strings.Contains(text, "address already in use"):
		return plugins.Hinted(err, "something else listens on that port of the engine's machine: stop it, or choose another port")
	case strings.Contains(text, "cannot assign requested address"):
		return plugins.Hinted(err, "the engine's machine has no such address: choose another one to listen at")
	case cerrdefs.IsConflict(err) && strings.Contains(text, "is already in use by container"):
		return plugins.Hinted(err, "remove or rename that container, or choose another name")
	case cerrdefs.IsUnavailable(err):
		return plugins.Retryable(err, 0)
	}
	return err
}

// silent is the error of an engine that says nothing.
func (e *Engine) silent(err error) error {
	return plugins.Retryable(plugins.Hinted(fmt.Errorf("the docker engine at %s does not answer: %w", e.host, err),
		"is it running, and does `docker version` reach it as this user? docker_host, or else DOCKER_HOST, says where it is"), 0)
}

// plain is an error of the engine without the words that its client puts before it.
type plain struct{ err error }

func (e *plain) Error() string {
	return strings.TrimPrefix(e.err.Error(), "Error response from daemon: ")
}
func (e *plain) Unwrap() error { return e.err }

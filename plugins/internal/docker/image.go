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

// HasImage tells whether the engine has an image, by its reference as in "gitlab/gitlab-ce:19.4.1-ce.0".
func (e *Engine) HasImage(ctx context.Context, image string) (bool, error) {
	_, err := e.api.ImageInspect(ctx, image)
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, e.explain(err)
}

// Pull gets an image from its registry, unless the engine has it already, and reports how far it is.
func (e *Engine) Pull(ctx context.Context, image string) error {
	has, err := e.HasImage(ctx, image)
	if has || err != nil {
		return err
	}
	plugins.Report(ctx, "pulling "+image)
	answer, err := e.api.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return e.explainPull(ctx, image, err)
	}
	defer answer.Close()
	layers := map[string]layer{}
	for message, err := range answer.JSONMessages(ctx) {
		if err == nil && message.Error != nil {
			err = message.Error
		}
		if err != nil {
			return e.explainPull(ctx, image, err)
		}
		if message.ID != "" && message.Progress != nil && message.Status == "Downloading" {
			layers[message.ID] = layer{message.Progress.Current, message.Progress.Total}
			plugins.Report(ctx, "pulling "+image+": "+progress(layers))
		}
	}
	// An answer that was cut off between two messages ends like one that is whole.
	if has, err = e.HasImage(ctx, image); err == nil && !has {
		err = e.explainPull(ctx, image, errors.New("the engine stopped in the middle of it"))
	}
	return err
}

// layer is how much there is of a layer, in bytes.
type layer struct{ current, total int64 }

// progress is in steps coarse enough to be read.
func progress(layers map[string]layer) string {
	const mega, step = 1_000_000, 10
	var all layer
	for _, l := range layers {
		all.current += l.current
		all.total += l.total
	}
	return fmt.Sprintf("%d of at least %d MB", all.current/mega/step*step, all.total/mega)
}

// explainPull says why there is no image. That a registry lacks it does not wrap what the engine lacks does: nobody is to
// take it for a container that is gone.
func (e *Engine) explainPull(ctx context.Context, image string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("pull %s: %w", image, ctx.Err())
	}
	if client.IsErrConnectionFailed(err) {
		return e.explain(err)
	}
	text := (&plain{err}).Error()
	err = fmt.Errorf("pull %s: %s", image, text)
	lower := strings.ToLower(text)
	for _, missing := range []string{"manifest unknown", "not found", "does not exist", "access denied", "unauthorized", "denied:"} {
		if strings.Contains(lower, missing) {
			return plugins.Hinted(err, "is the name right, tag included? An image that is not public is pulled or loaded by hand first (`docker pull`, `docker load`): what the engine has is not pulled")
		}
	}
	return plugins.Retryable(plugins.Hinted(err,
		"does the engine reach the registry? `docker pull "+image+"` tells; an image that was loaded by hand (`docker load`) is not pulled"), 0)
}

package gitlabcedocker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/docker"
)

const (
	// firstLook and lastLook are how often to look whether GitLab is ready: often first, in case that it has been all along.
	firstLook = 20 * time.Millisecond
	lastLook  = 3 * time.Second
	// answers is how long GitLab may take to say whether it is.
	answers = 5 * time.Second
	// attempts are how often the engine may start a container anew before it is clear that it never stays.
	attempts = 3
	// words are how many lines of a container stand in an error.
	words = 5
)

// ready waits until GitLab is ready: its container says that it is healthy, or /-/readiness does. GitLab tells readiness
// to its own addresses only, unless it was told of others, so that it is mostly the former.
func (p plugin) ready(ctx context.Context, engine *docker.Engine, o Options) error {
	timeout, err := timeoutOf(o.Timeout)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said := "the engine has not answered"
	// The engine counts all of a container's life, in which it may have ended now and then.
	began := -1
	for wait := firstLook; ; wait = min(wait*3/2, lastLook) {
		c, err := engine.Inspect(within, o.ContainerName)
		_, passing := plugins.RetryAfter(err)
		switch {
		case within.Err() != nil:
			return late(ctx, engine, o, said)
		case passing:
			said = err.Error()
		case err != nil:
			return err
		default:
			if began < 0 && c != nil {
				began = c.Restarts
			}
			if err := alive(ctx, engine, c, began, o); err != nil {
				return err
			}
			if !o.Wait {
				return nil
			}
			done, now := p.look(within, c, o)
			if done {
				return nil
			}
			if within.Err() == nil { // what was cut off by the end of the wait tells nothing
				said = now
			}
		}
		plugins.Report(ctx, "waiting for GitLab: "+said)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-within.Done():
			timer.Stop()
			return late(ctx, engine, o, said)
		}
	}
}

// alive returns an error for a container of which nothing is to be hoped for any more. It had been started anew so often when
// it was looked at first.
func alive(ctx context.Context, engine *docker.Engine, c *docker.Container, began int, o Options) error {
	var why string
	switch {
	case c == nil:
		return fmt.Errorf("the container %s was removed by somebody else", o.ContainerName)
	case c.State == "exited", c.State == "dead":
		why = fmt.Sprintf("the container %s is not there to stay: exit code %d", c.Name, c.ExitCode)
	case c.Restarts-began >= attempts:
		why = fmt.Sprintf("the container %s was started anew %d times and does not stay: exit code %d", c.Name, c.Restarts-began, c.ExitCode)
	default:
		return nil
	}
	return plugins.Hinted(fmt.Errorf("%s: %w%s", why, docker.ErrEnded, lastWords(ctx, engine, c.Name)), "`docker logs "+c.Name+"` tells more")
}

// lastWords is what a container has written last, as the end of an error. It is nothing where there is nothing, or the engine
// cannot tell: why the words are missing is not what is wrong.
func lastWords(ctx context.Context, engine *docker.Engine, name string) string {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	lines, err := engine.LastLines(ctx, name, words)
	if err != nil || len(lines) == 0 {
		return ""
	}
	return "; its last words: " + strings.Join(lines, " | ")
}

// look says whether GitLab is ready, and how far it is if not.
func (p plugin) look(ctx context.Context, c *docker.Container, o Options) (done bool, said string) {
	if c.Health == "healthy" {
		return true, ""
	}
	status, err := p.ask(ctx, o)
	switch {
	case status == http.StatusOK:
		return true, ""
	case status == http.StatusNotFound && c.Health == "":
		// It is up, and does not tell strangers how it is. Nobody else could say.
		return true, ""
	case err != nil:
		said = "it does not answer HTTP yet"
	default:
		said = fmt.Sprintf("/-/readiness answers %d", status)
	}
	if c.Health != "" {
		said = "health: " + c.Health + ", " + said
		if c.Health == "unhealthy" && c.Checked != "" {
			said += " (" + c.Checked + ")"
		}
	}
	if c.State != "running" {
		said = c.State + ", " + said
	}
	return false, said
}

// ask asks GitLab itself.
func (p plugin) ask(ctx context.Context, o Options) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	host := net.JoinHostPort(address(docker.Find(p.env, o.DockerHost), o), strconv.Itoa(int(o.HTTPPort)))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/-/readiness", nil)
	if err != nil {
		return 0, err
	}
	client := *p.env.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

// late is the error of a wait that has ended: by ctx, or else because it took too long.
func late(ctx context.Context, engine *docker.Engine, o Options, said string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("waiting for GitLab in the container %s: %w", o.ContainerName, err)
	}
	return plugins.Hinted(fmt.Errorf("GitLab in the container %s is not ready after %s: %s%s", o.ContainerName, o.Timeout, said, lastWords(ctx, engine, o.ContainerName)),
		"it goes on starting, and the next apply on waiting; `docker logs "+o.ContainerName+"` tells more. GitLab wants 4 GB of memory and some minutes; `timeout` is how long it may take, `wait: false` does not wait")
}

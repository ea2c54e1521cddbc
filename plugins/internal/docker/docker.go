// Package docker runs containers on a Docker engine, through its API and never through a shell.
//
// What a tool's container is made of is a [Spec]. [Engine.Put] makes what exists into that, and takes a container down
// only where there is no other way. A container that dtm made carries a label, and one without it is somebody else's.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/devstream-io/dtm/plugins"
)

// Host is where an engine listens, as in "unix:///var/run/docker.sock" or "tcp://build.example.com:2376".
type Host string

// Engine is a Docker engine that has answered once. Its methods may be called by many goroutines, return soon after ctx is
// done, and their errors are [plugins.Retryable] where that may pass and have a hint where the user can act.
type Engine struct {
	host Host
	api  *client.Client
}

// Find says which engine is meant: the one that is named, or else that of DOCKER_HOST, or else the one of this machine.
func Find(env plugins.Env, named string) Host {
	for _, host := range []string{named, env.Getenv("DOCKER_HOST")} {
		if host != "" {
			return Host(host)
		}
	}
	return client.DefaultDockerHost
}

// Local tells whether the folders that the engine mounts are those of this machine.
func (h Host) Local() bool { return strings.HasPrefix(string(h), "unix://") }

// Machine is the name or the address of the engine's machine, for who wants to reach what a container publishes.
func (h Host) Machine() string {
	if address, err := url.Parse(string(h)); err == nil && address.Scheme == "tcp" && address.Hostname() != "" {
		return address.Hostname()
	}
	return "127.0.0.1"
}

// Open connects to an engine. The caller closes it. DOCKER_CERT_PATH and DOCKER_TLS_VERIFY are heeded for tcp as by the
// docker command, but for that the engine's certificate is always verified. Whatever listens there and says nothing is
// given up after half a minute.
func Open(ctx context.Context, env plugins.Env, host Host) (*Engine, error) {
	return open(ctx, env, host, 30*time.Second)
}

func open(ctx context.Context, env plugins.Env, host Host, patience time.Duration) (*Engine, error) {
	scheme, address, _ := strings.Cut(string(host), "://")
	if address == "" || scheme != "unix" && scheme != "tcp" {
		hint := `it looks like "unix:///var/run/docker.sock" or "tcp://HOST:2376"`
		if scheme == "ssh" {
			hint = "forward its socket to this machine (`ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`) and name that: \"unix:///tmp/docker.sock\""
		}
		return nil, plugins.Hinted(fmt.Errorf("docker_host %q is no address of a Docker engine", string(host)), hint)
	}
	options := []client.Opt{client.WithHost(string(host)), client.WithUserAgent("dtm")}
	if certificates := env.Getenv("DOCKER_CERT_PATH"); scheme == "tcp" && (certificates != "" || env.Getenv("DOCKER_TLS_VERIFY") != "") {
		if certificates == "" {
			certificates = filepath.Join(env.Getenv("HOME"), ".docker")
		}
		options = append(options, client.WithTLSClientConfig(
			filepath.Join(certificates, "ca.pem"), filepath.Join(certificates, "cert.pem"), filepath.Join(certificates, "key.pem")))
	}
	api, err := client.New(options...)
	if err != nil {
		return nil, fmt.Errorf("docker engine at %s: %w", host, err)
	}
	e := &Engine{host: host, api: api}
	// A client that could not ask for the version of the API would speak the newest one, which few engines know.
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = api.Ping(within, client.PingOptions{NegotiateAPIVersion: true})
	switch {
	case err == nil:
		return e, nil
	case within.Err() != nil && ctx.Err() == nil:
		err = e.silent(fmt.Errorf("nothing was heard of it for %s", patience))
	default:
		err = e.explain(err)
	}
	return nil, errors.Join(err, api.Close())
}

// Close lets go of the connections.
func (e *Engine) Close() error { return e.api.Close() }

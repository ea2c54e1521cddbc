// Package external runs the plugins that are not built into dtm: each as a process of its own, which is started at the first
// verb and answers all that come.
//
// A [Host] makes a [plugins.Kind] of what is installed, so that the engine sees no difference. Whatever a process does
// (it crashes, hangs, says nonsense, ignores that it is to stop) is the error of the verbs that it was asked for, and no
// more. It does not decide which plugins there are, nor whether their bytes may be trusted: who installs them does.
//
// Package protocol is what is said, package serve the other side in Go.
package external

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/plugins"
)

// Options are what a Host may use, and how patient it is. Dir, Cache and Getenv of Env are needed; what else is zero is as
// its comment says.
type Options struct {
	Env plugins.Env
	// Version is dtm's, for its messages.
	Version string
	// LookPath finds programs that plugins are run by, as python3. exec.LookPath, if nil.
	LookPath func(name string) (string, error)
	// Log gets what processes print, at the level debug, and what happens to them.
	Log zerolog.Logger
	// StartWait is how long a process may take until it answers: 30 seconds.
	StartWait time.Duration
	// Grace is how long a verb may take to end after its context is done, before its process is killed: 10 seconds.
	Grace time.Duration
	// HealthEvery is how often a process that has verbs to do is asked whether it is there: 10 seconds. HealthWait is how
	// long its answer may take, before it is killed: 20 seconds.
	HealthEvery, HealthWait time.Duration
}

// restarts is how often a process that has ended may be started again. More often would be no accident.
const restarts = 3

// Host runs plugins. It may be used by many goroutines. Whoever makes one closes it, or processes may stay behind.
type Host struct {
	options Options

	mu      sync.Mutex
	plugins []*installed
	// dir is the private folder of the sockets, "" until the first process is started.
	dir         string
	certificate *certificate
	closed      bool
}

// New makes a Host, which starts nothing yet.
func New(o Options) *Host {
	if o.LookPath == nil {
		o.LookPath = exec.LookPath
	}
	for _, d := range []struct {
		of      *time.Duration
		seconds time.Duration
	}{{&o.StartWait, 30}, {&o.Grace, 10}, {&o.HealthEvery, 10}, {&o.HealthWait, 20}} {
		if *d.of == 0 {
			*d.of = d.seconds * time.Second
		}
	}
	return &Host{options: o}
}

// Kind is the plugin as the engine sees it. Nothing is started until one of its verbs is called, and no second process for
// the same plugin.
//
// Whether a plugin previews, identifies, validates and succeeds is not known before that: its kind says that it does, and
// where it does not, answers as [plugins.Kind] says of such a plugin.
func (h *Host) Kind(i Installed) plugins.Kind {
	kind := plugins.Of(i.Name, i.Schema, h.installed(i).verbs())
	kind.Precious = i.Precious
	return kind
}

// Start starts the plugin's process, unless it runs, and checks that it is the plugin that is installed.
func (h *Host) Start(ctx context.Context, i Installed) error {
	if _, err := h.installed(i).running(ctx); err != nil {
		return fmt.Errorf("plugin %s: %w", i.Name, err)
	}
	return nil
}

// installed is the one entry for what is installed.
func (h *Host) installed(i Installed) *installed {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, known := range h.plugins {
		if reflect.DeepEqual(known.Installed, i) {
			return known
		}
	}
	added := &installed{Installed: i, host: h}
	h.plugins = append(h.plugins, added)
	return added
}

// Close ends every process, those that do not end by themselves when ctx is done or after two seconds by force. Verbs that
// still run fail, and so do those that come later. When it returns no process is left. It may be called twice.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	all, dir := slices.Clone(h.plugins), h.dir
	h.mu.Unlock()
	var group sync.WaitGroup
	for _, i := range all {
		group.Go(func() { i.close(ctx) })
	}
	group.Wait()
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

// maxSocketDir is how long the folder of the sockets may be, in bytes: the whole path of a socket has 104 at most on some
// systems, and go-plugin adds up to 50.
const maxSocketDir = 50

// ready makes what processes share: the private folder of their sockets and dtm's certificate.
func (h *Host) ready() (dir string, cert *certificate, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return "", nil, errClosed
	}
	if h.certificate == nil {
		if h.certificate, err = newCertificate(time.Now()); err != nil {
			return "", nil, err
		}
	}
	if h.dir == "" {
		base := h.options.Env.Getenv("TMPDIR")
		if len(base) > maxSocketDir {
			base = "/tmp"
		}
		if h.dir, err = os.MkdirTemp(base, "dtm"); err != nil {
			return "", nil, err
		}
	}
	return h.dir, h.certificate, nil
}

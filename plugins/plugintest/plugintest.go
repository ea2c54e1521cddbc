// Package plugintest runs the promise of [plugins.Plugin] as a suite that every plugin must pass.
//
// A plugin's own test says how to open a world with that plugin in it, and what to wish for; see [Subject]. What is checked
// is said in package promise.
package plugintest

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/plugintest/promise"
)

// Subject is a plugin in a world of its own.
type Subject = promise.Subject

// When says which side of its effect a failing call fails on.
type When = promise.When

// A call that fails Before has done nothing; one that fails After has done its work, but its caller never learns.
const (
	Before = promise.Before
	After  = promise.After
)

// Run checks the plugin, each promise in a subtest and, where the promise is about more than one ending, in several
// fresh worlds. fresh is called on the test's goroutine and cleans up by t.Cleanup.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	offered := fresh(t)
	for _, p := range promise.All() {
		if p.Lacks(offered) != "" {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			if err := p.Check(t.Context(), func() (Subject, error) { return fresh(t), nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Env is an environment for tests: the folder dir, no environment variables, a client of its own, the real clock, and the
// folder .cache in dir, which is not made, as the cache.
func Env(dir string) plugins.Env {
	return plugins.Env{
		Dir:    dir,
		Getenv: func(string) string { return "" },
		HTTP:   &http.Client{},
		Now:    time.Now,
		Cache:  filepath.Join(dir, ".cache"),
	}
}

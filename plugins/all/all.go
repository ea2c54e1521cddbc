// Package all is the one list of the plugins that are built into dtm.
package all

import (
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/localfile"
)

// Set makes every built-in plugin, each with env. An error is a mistake in this list.
func Set(env plugins.Env) (plugins.Set, error) {
	return plugins.NewSet(
		localfile.New(env),
	)
}

// Command localfile is the built-in plugin as a process of its own, as any plugin in Go is one: for benchmarks, which want a
// program that has nothing else in it.
package main

import (
	"github.com/devstream-io/dtm/plugins/localfile"
	"github.com/devstream-io/dtm/plugins/serve"
)

func main() { serve.Main("0.7.0", localfile.New) }

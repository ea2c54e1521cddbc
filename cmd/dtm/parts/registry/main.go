// Command registry is the registry of the CNCF's Distribution, as it comes, but without the drivers of clouds: they are
// most of what it is made of, and nothing of what dtm sees of it.
package main

import (
	"fmt"
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"           // passwords
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // what is pushed goes with the process
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

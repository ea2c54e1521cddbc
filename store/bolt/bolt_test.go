package bolt_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "state.db")
		return func() store.Store { return quick(path) }
	})
}

// quick is a store that does not wait long for a lock.
func quick(path string) *bolt.Store {
	return bolt.New(path, bolt.Options{Timeout: 20 * time.Millisecond})
}

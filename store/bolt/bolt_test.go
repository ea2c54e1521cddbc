package bolt_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "state.db")
		return func() store.Store { return quick(path) }
	})
}

func TestEncryptedStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "state.db")
		return func() store.Store {
			return bolt.New(path, bolt.Options{Timeout: 20 * time.Millisecond, Keys: storetest.Recipient()})
		}
	})
}

// at returns the path of each test's place, and all that is stored at the last one.
func at() (path func(*testing.T) string, raw func() []byte) {
	paths, last := map[*testing.T]string{}, ""
	path = func(t *testing.T) string {
		if paths[t] == "" {
			paths[t] = filepath.Join(t.TempDir(), "state.db")
		}
		last = paths[t]
		return last
	}
	raw = func() []byte {
		all, _ := os.ReadFile(last) // without a file a test sees nothing and says so
		return all
	}
	return path, raw
}

func TestStoreForgetsTheOldestRuns(t *testing.T) {
	for _, keys := range []keyring.Keys{{}, storetest.Recipient()} {
		path, _ := at()
		storetest.RunPruned(t, func(t *testing.T, keep int) storetest.Opener {
			path := path(t)
			return func() store.Store { return bolt.New(path, bolt.Options{Keep: keep, Keys: keys}) }
		})
	}
}

func TestStoreIsEncrypted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long with -race")
	}
	path, raw := at()
	storetest.RunEncrypted(t, func(t *testing.T, keys keyring.Keys) storetest.Opener {
		path := path(t)
		return func() store.Store { return bolt.New(path, bolt.Options{Timeout: 20 * time.Millisecond, Keys: keys}) }
	}, raw)
}

// quick is a store that does not wait long for a lock.
func quick(path string) *bolt.Store {
	return bolt.New(path, bolt.Options{Timeout: 20 * time.Millisecond})
}

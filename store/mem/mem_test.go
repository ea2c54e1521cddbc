package mem_test

import (
	"testing"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/mem"
	"github.com/devstream-io/dtm/store/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Opener {
		s := mem.New()
		return func() store.Store { return s }
	})
}

package storetest_test

import (
	"errors"
	"testing"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/mem"
	"github.com/devstream-io/dtm/store/storetest"
)

func TestFaultyStoreWithoutFaultsKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Opener {
		s := storetest.Faulty(mem.New())
		return func() store.Store { return s }
	})
}

func TestFaultFailsOneRecordAndEndsTheSession(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		f := storetest.Faulty(mem.New(), storetest.Fault{N: 2, Recorded: recorded})
		session, err := f.Open(t.Context(), storetest.Holder("apply"), nil)
		if err != nil {
			t.Fatal(err)
		}
		e := store.Entry{Kind: store.Skipped, Run: "r"}
		if err := session.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := session.Record(t.Context(), e); !errors.Is(err, storetest.ErrFault) {
				t.Errorf("recorded %t: %v, want the fault", recorded, err)
			}
		}
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
		want := uint64(1)
		if recorded {
			want = 2
		}
		if state, err := f.Load(t.Context()); err != nil || state.Serial != want {
			t.Errorf("recorded %t: serial %d, %v, want %d", recorded, state.Serial, err, want)
		}

		session, err = f.Open(t.Context(), storetest.Holder("apply"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Record(t.Context(), e); err != nil {
			t.Errorf("the next session: %v", err)
		}
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
		if got := f.Records(); got != 3 {
			t.Errorf("%d records were counted, want 3", got)
		}
	}
}

package bolt

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/devstream-io/dtm/store"
)

func TestADraftIsSweptOnceItsMakerIsDead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a[1].db")
	dead, alive := path+draftSuffix+"dead", path+draftSuffix+"alive"
	for _, name := range []string{dead, alive} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(alive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := tryLock(f, true); err != nil {
		t.Fatal(err)
	}
	s, err := New(path, Options{}).Open(context.Background(), store.Holder{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the draft of a dead maker: %v", err)
	}
	if _, err := os.Stat(alive); err != nil {
		t.Errorf("the draft of a living maker: %v", err)
	}
}

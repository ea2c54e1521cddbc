package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/plugins/configmap"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/mem"
	"github.com/devstream-io/dtm/store/s3"
)

// readOldState is the text of a DevStream state file, nil if there is none at path. An empty file is what DevStream leaves when it has
// no tools, but also what a damaged disk leaves: with a backup beside it, it is not believed.
func readOldState(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if isOurs(path) || info.Size() == 0 && fileExists(backup(path)) && !backedUp(path) {
		return nil, nil // the store says what is wrong with it
	}
	if ours, err := bolt.Is(path); err != nil || ours {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// isOurs tells whether the file has the name that only dtm gives.
func isOurs(path string) bool { return filepath.Ext(path) == ".db" }

func backup(path string) string { return path + ".bak" }

// backedUp tells whether the backup is the very file: a take-over has made the link and was cut off before it went on.
func backedUp(path string) bool {
	file, err := os.Stat(path)
	if err != nil {
		return false
	}
	link, err := os.Stat(backup(path))
	return err == nil && os.SameFile(file, link)
}

// backUp keeps the file at path, which has this text, under its second name, whatever happens next. Only its owner can
// read it: DevStream wrote secrets into it.
func backUp(path string, text []byte) error {
	// A link to a link would lead to what takes the place of the file.
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	switch err = os.Link(file, backup(path)); {
	case err == nil || backedUp(path):
	case errors.Is(err, fs.ErrExist):
		kept, readErr := os.ReadFile(backup(path))
		if readErr != nil || len(text) == 0 || !bytes.Equal(kept, text) {
			return hinted{err, "move " + backup(path) + " away, then run again"}
		}
	default:
		// Some file systems have no links, and none leads from one to another.
		if err = renameio.WriteFile(backup(path), text, 0o600); err != nil {
			return err
		}
	}
	if err = os.Chmod(backup(path), 0o600); errors.Is(err, fs.ErrPermission) {
		return nil // somebody else's, who decides
	}
	return err
}

// succeedFile is the store in a file, also where the file is still DevStream's. Nothing is written until the store is
// opened for writing; then the old file gets a ".bak" beside it and the new journal takes its place.
func (p *project) succeedFile(ctx context.Context, path string, opts bolt.Options) (store.Store, error) {
	journal := bolt.New(path, opts)
	old, err := readOldState(path)
	if err != nil || old == nil {
		return journal, err
	}
	return p.succeed(ctx, path, old, journal, func(ctx context.Context, _ store.Holder, entries []store.Entry) error {
		if ours, err := bolt.Is(path); err != nil || ours {
			return cmp.Or(err, errOvertaken())
		}
		now, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, old) {
			return hasChanged(path)
		}
		if err := backUp(path, old); err != nil {
			// What was linked may have been the journal of somebody who was faster.
			if ours, isErr := bolt.Is(path); isErr == nil && ours {
				return errOvertaken()
			}
			return fmt.Errorf("backup of the DevStream state: %w", err)
		}
		return bolt.Import(ctx, path, entries, opts)
	})
}

// succeedObject is the store in a bucket, also where DevStream's object still stands at its key. Then the same holds.
func (p *project) succeedObject(ctx context.Context, bucket *s3.Store) (store.Store, error) {
	old, err := bucket.Old(ctx)
	if err != nil || old == nil {
		return bucket, err
	}
	return p.succeed(ctx, bucket.String(), old, bucket, func(ctx context.Context, by store.Holder, entries []store.Entry) error {
		now, err := bucket.Old(ctx)
		switch {
		case err != nil:
			return err
		case now == nil:
			return errOvertaken()
		case !bytes.Equal(now, old):
			return hasChanged(bucket.String())
		}
		return bucket.Import(ctx, by, entries)
	})
}

// succeedConfigMap is the store in a file that is not there yet, of what DevStream kept in a cluster. The ConfigMap stays as
// it is, with a backup beside it, and is marked: a journal on another machine must not begin with it, too.
func (p *project) succeedConfigMap(ctx context.Context, path string, opts bolt.Options) (store.Store, error) {
	at, journal := p.config.State.ConfigMap, bolt.New(path, opts)
	old, err := configmap.Read(ctx, environment(p.config.Dir), configmap.Where{
		Kubeconfig: at.Kubeconfig, Context: at.Context, Namespace: at.Namespace, Name: at.Name,
	})
	if err != nil || old == nil {
		return journal, err
	}
	place := fmt.Sprintf("ConfigMap %s/%s", at.Namespace, at.Name)
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	heir := host + ":" + path
	again := fmt.Sprintf("or, to begin with DevStream's state once more, `kubectl annotate configmap -n %s %s %s- %s-`", at.Namespace, at.Name, configmap.TakenBy, configmap.TakenAt)
	switch {
	case old.TakenBy != "" && old.TakenBy != heir:
		return nil, hinted{fmt.Errorf("the state in %s has been taken over already, by %s", place, old.TakenBy),
			"go on there; or bring that file here; or keep the state where all can reach it: `dtm state pull` there, state.backend s3 here, and `dtm state push`; " + again}
	case old.TakenAt != "":
		return nil, hinted{fmt.Errorf("the state in %s was taken over into %s on %s, and that file is gone", place, path, old.TakenAt),
			"bring the file back; " + again}
	}
	return p.succeed(ctx, place, old.Text, journal, func(ctx context.Context, _ store.Holder, entries []store.Entry) error {
		if fileExists(path) {
			return errOvertaken()
		}
		// First the mark: who is cut off behind it is the one who may go on.
		if err := old.Mark(ctx, heir); err != nil {
			return err
		}
		if err := bolt.Import(ctx, path, entries, opts); err != nil {
			return err
		}
		return old.Finish(ctx, p.engine.Now())
	})
}

// errOvertaken says that somebody else has taken the old state over in the meantime.
func errOvertaken() error { return fmt.Errorf("there is a journal already: %w", fs.ErrExist) }

// hasChanged says that what was planned with is not what would be taken over.
func hasChanged(place string) error {
	return hinted{fmt.Errorf("%s has changed since it was read", place), "is DevStream's dtm still at work? then run again"}
}

// takeOver makes a journal of the entries in the place of the old state, all or nothing. It wraps
// fs.ErrExist if there is one.
type takeOver func(ctx context.Context, by store.Holder, entries []store.Entry) error

// succeed makes a store of a DevStream state. Until it is opened it is what the old text says; then it is the journal.
func (p *project) succeed(ctx context.Context, place string, old []byte, journal store.Store, by takeOver) (store.Store, error) {
	entries, err := p.inherit(place, old)
	if err != nil {
		return nil, err
	}
	view := mem.New()
	session, err := view.Open(ctx, store.Holder{}, nil)
	if err != nil {
		return nil, err
	}
	if err := session.Record(ctx, slices.Clone(entries)...); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(old)
	return &successor{Store: view, place: place, origin: sum[:], entries: entries, journal: journal, takeOver: by}, session.Close()
}

// successor is a store that is still DevStream's state. It is read from memory, and becomes a journal when it is opened.
type successor struct {
	store.Store
	place string
	// origin tells one old state from others.
	origin   []byte
	entries  []store.Entry
	journal  store.Store
	takeOver takeOver
}

func (s *successor) String() string {
	if s.journal == nil {
		return s.Store.String()
	}
	return s.place
}

// Load says what the old state says. Whoever reads the same text again gets the same state, so that a saved plan holds.
func (s *successor) Load(ctx context.Context) (*store.State, error) {
	state, err := s.Store.Load(ctx)
	if err == nil && s.journal != nil {
		state.Lineage, state.Key = "devstream-"+base32.HexEncoding.EncodeToString(s.origin)[:26], s.origin
	}
	return state, err
}

// Open takes the old state over and opens the journal that it has become. If somebody else has done so in the meantime it wraps
// [store.ErrStale], and the store is that journal.
func (s *successor) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	if s.journal == nil {
		return s.Store.Open(ctx, by, seen)
	}
	err := s.takeOver(ctx, by, s.entries)
	if overtaken := errors.Is(err, fs.ErrExist) && s.begun(ctx); err != nil && !overtaken {
		return nil, err
	}
	s.Store, s.journal = s.journal, nil
	now, loadErr := s.Store.Load(ctx)
	if loadErr != nil {
		return nil, loadErr
	}
	if err != nil || now.Serial != uint64(len(s.entries)) {
		return nil, fmt.Errorf("%s: %w", s.place, store.ErrStale)
	}
	return s.Store.Open(ctx, by, now)
}

// Lock tells who holds the lock of the journal to be: one in a bucket outlives who began to take over and died.
func (s *successor) Lock(ctx context.Context) (*store.Lock, error) {
	if bucket, ok := s.journal.(*s3.Store); ok {
		return bucket.Lock(ctx)
	}
	return s.Store.Lock(ctx)
}

// Unlock takes that lock away.
func (s *successor) Unlock(ctx context.Context, id string) error {
	if bucket, ok := s.journal.(*s3.Store); ok {
		return bucket.Unlock(ctx, id)
	}
	return s.Store.Unlock(ctx, id)
}

// begun tells whether the journal has entries.
func (s *successor) begun(ctx context.Context) bool {
	state, err := s.journal.Load(ctx)
	return err == nil && state.Serial > 0
}

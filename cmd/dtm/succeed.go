package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/mem"
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

// succeed makes a store of a DevStream state. Nothing is written until the store is opened for writing; then the old file
// gets a ".bak" beside it and the new journal takes its place.
func (p *project) succeed(ctx context.Context, path string, old []byte) (store.Store, error) {
	tools, err := compat.ReadState(path, old)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	run := now.UTC().Format("20060102-150405-") + "takeover"
	entries := []store.Entry{{Kind: store.Started, Run: run, Time: now, Command: "take over " + path, Author: "dtm", Version: version}}
	for _, t := range tools {
		options := t.Options
		if filled, err := p.loader.Complete(t.ID.Plugin(), t.Options); err == nil {
			options = filled
		}
		entries = append(entries, store.Entry{
			Kind: store.TakenOver, Run: run, Time: now, Tool: t.ID, DependsOn: t.DependsOn, Options: options, Resource: t.Resource,
		})
	}
	entries = append(entries, store.Entry{Kind: store.Finished, Run: run, Time: now, Result: store.Succeeded})
	view := mem.New()
	session, err := view.Open(ctx, store.Holder{}, nil)
	if err != nil {
		return nil, err
	}
	if err := session.Record(ctx, entries...); err != nil {
		return nil, err
	}
	return &successor{Store: view, path: path, entries: entries}, session.Close()
}

// successor is a store that is still DevStream's file. It is read from memory, and becomes a journal when it is opened.
type successor struct {
	store.Store
	path    string
	entries []store.Entry
}

func (s *successor) String() string { return s.path }

// Open takes the old state over and opens the journal that it has become.
func (s *successor) Open(ctx context.Context, by store.Holder, _ *store.State) (store.Session, error) {
	// A link keeps the old file under its second name whatever happens next.
	if err := os.Link(s.path, backup(s.path)); err != nil && !backedUp(s.path) {
		err = fmt.Errorf("backup of the DevStream state: %w", err)
		if errors.Is(err, fs.ErrExist) {
			err = hinted{err, "move " + backup(s.path) + " away, then run again"}
		}
		return nil, err
	}
	if err := bolt.Import(ctx, s.path, s.entries); err != nil {
		return nil, err
	}
	return bolt.New(s.path, bolt.Options{}).Open(ctx, by, nil)
}

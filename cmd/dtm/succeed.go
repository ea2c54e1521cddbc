package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/devstream-io/dtm/compat"
	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins/configmap"
	"github.com/devstream-io/dtm/schema"
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

// succeedFile is the store in a file, also where the file is still DevStream's. Nothing is written until the store is
// opened for writing; then the old file gets a ".bak" beside it and the new journal takes its place.
func (p *project) succeedFile(ctx context.Context, path string, opts bolt.Options) (store.Store, error) {
	old, err := readOldState(path)
	if err != nil || old == nil {
		return bolt.New(path, opts), err
	}
	return p.succeed(ctx, path, old, func(ctx context.Context, by store.Holder, entries []store.Entry) (store.Session, error) {
		// A link keeps the old file under its second name whatever happens next.
		if err := os.Link(path, backup(path)); err != nil && !backedUp(path) {
			err = fmt.Errorf("backup of the DevStream state: %w", err)
			if errors.Is(err, fs.ErrExist) {
				err = hinted{err, "move " + backup(path) + " away, then run again"}
			}
			return nil, err
		}
		if err := bolt.Import(ctx, path, entries, opts); err != nil {
			return nil, err
		}
		return bolt.New(path, opts).Open(ctx, by, nil)
	})
}

// succeedObject is the store in a bucket, also where DevStream's object still stands at its key. Then the same holds.
func (p *project) succeedObject(ctx context.Context, bucket *s3.Store) (store.Store, error) {
	old, err := bucket.Old(ctx)
	if err != nil || old == nil {
		return bucket, err
	}
	return p.succeed(ctx, bucket.String(), old, func(ctx context.Context, by store.Holder, entries []store.Entry) (store.Session, error) {
		if err := bucket.Import(ctx, by, entries); err != nil {
			return nil, err
		}
		return bucket.Open(ctx, by, nil)
	})
}

// succeedConfigMap is the store in a file that is not there yet, of what DevStream kept in a cluster. The ConfigMap stays as
// it is, with a backup beside it, and is marked: a journal on another machine must not begin with it, too.
func (p *project) succeedConfigMap(ctx context.Context, path string, opts bolt.Options) (store.Store, error) {
	at := p.config.State.ConfigMap
	env := environment(p.config.Dir)
	old, err := configmap.Read(ctx, env, configmap.Where{
		Kubeconfig: at.Kubeconfig, Context: at.Context, Namespace: at.Namespace, Name: at.Name,
	})
	if err != nil || old == nil {
		return bolt.New(path, opts), err
	}
	place := fmt.Sprintf("ConfigMap %s/%s", at.Namespace, at.Name)
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	heir := host + ":" + path
	if old.TakenBy != "" && old.TakenBy != heir {
		return nil, hinted{fmt.Errorf("the state in %s has been taken over already, by %s", place, old.TakenBy),
			"go on there; or bring that file here; or keep the state where all can reach it: `dtm state pull` there, state.backend s3 here, and `dtm state push`"}
	}
	return p.succeed(ctx, place, old.Text, func(ctx context.Context, by store.Holder, entries []store.Entry) (store.Session, error) {
		// First the mark: who is cut off behind it is the one who may go on.
		if err := old.Mark(ctx, heir); err != nil {
			return nil, err
		}
		if err := bolt.Import(ctx, path, entries, opts); err != nil {
			return nil, err
		}
		return bolt.New(path, opts).Open(ctx, by, nil)
	})
}

// takeOver makes a journal of the entries in the place of the old state, and opens it.
type takeOver func(ctx context.Context, by store.Holder, entries []store.Entry) (store.Session, error)

// succeed makes a store of a DevStream state.
func (p *project) succeed(ctx context.Context, place string, old []byte, by takeOver) (store.Store, error) {
	tools, err := compat.ReadState(place, old, func(plugin string) bool {
		return slices.ContainsFunc(p.config.Plugins, func(s schema.PluginSource) bool { return s.Name == plugin })
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	run := now.UTC().Format("20060102-150405-") + "takeover"
	entries := []store.Entry{{Kind: store.Started, Run: run, Time: now, Command: "take over " + place, Author: "dtm", Version: version}}
	wanted := make(map[schema.ID]*schema.Tool, len(p.config.Tools))
	for i := range p.config.Tools {
		wanted[p.config.Tools[i].ID] = &p.config.Tools[i]
	}
	for _, t := range tools {
		options, want := t.Options, wanted[t.ID]
		if want != nil {
			if options, err = inWordsOf(want.Options, options, t.Renamed); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", place, t.ID, err)
			}
		}
		if filled, err := p.loader.Complete(t.ID.Plugin(), options); err == nil {
			options = filled
		}
		if options, err = engine.Conceal(p.loader.Definition(t.ID.Plugin()), options); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", place, t.ID, err)
		}
		entry := store.Entry{
			Kind: store.TakenOver, Run: run, Time: now, Tool: t.ID, DependsOn: neededBy(t, want), Options: options, Resource: t.Resource,
		}
		// What must not be destroyed must not be so either before the first apply.
		if lifecycle := p.loader.DefaultLifecycle(t.ID.Plugin()); !lifecycle.Equal(schema.DefaultLifecycle()) {
			entry.Lifecycle = &lifecycle
		}
		entries = append(entries, entry)
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
	return &successor{Store: view, place: place, entries: entries, takeOver: by}, session.Close()
}

// successor is a store that is still DevStream's state. It is read from memory, and becomes a journal when it is opened.
type successor struct {
	store.Store
	place    string
	entries  []store.Entry
	takeOver takeOver
}

func (s *successor) String() string { return s.place }

// Open takes the old state over and opens the journal that it has become.
func (s *successor) Open(ctx context.Context, by store.Holder, _ *store.State) (store.Session, error) {
	return s.takeOver(ctx, by, s.entries)
}

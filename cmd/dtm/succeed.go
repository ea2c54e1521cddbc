package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/devstream-io/dtm/plugins/configmap"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/s3"
)

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
		return bolt.Import(ctx, path, keyOf(old), entries, opts)
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
		return bucket.Import(ctx, by, keyOf(old), entries)
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
		if err := bolt.Import(ctx, path, keyOf(old.Text), entries, opts); err != nil {
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

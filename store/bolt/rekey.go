package bolt

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// Rekey implements store.Rekeyer. It writes a new file beside the old one and then puts it in its place in one step, so that
// a crash leaves the one or the other. This Store does not open it any more: make another one, with the new keys. What the
// old file had on the disk is not overwritten, only given free.
func (s *Store) Rekey(ctx context.Context, by store.Holder, to keyring.Keys) error {
	ring, err := New(s.path, Options{Keys: to}).newRing()
	if err != nil {
		return s.explain(err)
	}
	session, err := s.open(ctx, by, nil)
	if err != nil {
		return s.explain(err)
	}
	defer func() { _ = session.abandon() }()
	path, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return s.explain(err)
	}
	old := session.file
	build := func(ctx context.Context, db *bbolt.DB) error {
		return old.view(func(tx *bbolt.Tx, head header) error { return copyStore(ctx, tx, head, db, ring) })
	}
	replace := func(from, to string) error {
		info, _, err := old.stat()
		if err == nil {
			err = os.Chmod(from, info.Mode().Perm())
		}
		if err == nil {
			err = old.lost()
		}
		if err == nil {
			err = os.Rename(from, to)
		}
		return err
	}
	return s.explain(publish(ctx, path, build, replace))
}

// copyStore copies everything into an empty database, under another ring.
func copyStore(ctx context.Context, from *bbolt.Tx, head header, to *bbolt.DB, ring *keyring.Ring) error {
	old := head.ring
	head.ring = ring
	err := to.Update(func(tx *bbolt.Tx) error {
		if err := makeBuckets(tx, head); err != nil {
			return err
		}
		if from.Bucket(baseBucket) == nil {
			return nil
		}
		_, err := tx.CreateBucket(baseBucket)
		return err
	})
	if err != nil {
		return err
	}
	// again returns a value as the new ring has it.
	again := func(bucket, oldKey, newKey, value []byte) ([]byte, error) {
		raw, err := decrypt(old, bucket, oldKey, value)
		if err != nil {
			return nil, err
		}
		return encrypt(ring, bucket, newKey, append(make([]byte, sumLen, sumLen+len(raw)), raw...)), nil
	}
	for _, name := range [][]byte{journalBucket, runsBucket} {
		if err := copyBucket(ctx, from, to, name, func(key, value []byte) (pair, error) {
			value, err := again(name, key, key, value)
			return pair{bytes.Clone(key), value}, err
		}); err != nil {
			return err
		}
	}
	for _, name := range [][]byte{toolsBucket, baseBucket} {
		if err := copyBucket(ctx, from, to, name, func(key, value []byte) (pair, error) {
			var tool store.Tool
			if err := decodeTool(old, name, key, value, &tool); err != nil {
				return pair{}, err
			}
			newKey := toolKey(ring, tool.ID)
			value, err := again(name, key, newKey, value)
			return pair{newKey, value}, err
		}); err != nil {
			return err
		}
	}
	// Twice, so that either header page will do (see readMeta).
	for range 2 {
		err := to.Update(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(metaBucket)
			for _, key := range [][]byte{snapshotKey, baseKey, pruningKey} {
				if value := from.Bucket(metaBucket).Get(key); value != nil {
					if err := meta.Put(key, bytes.Clone(value)); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyBucket copies a bucket, if it is there, in transactions of a bounded size.
func copyBucket(ctx context.Context, from *bbolt.Tx, to *bbolt.DB, name []byte, change func(key, value []byte) (pair, error)) error {
	b := from.Bucket(name)
	if b == nil {
		return nil
	}
	var batch []pair
	size := 0
	write := func() error {
		slices.SortFunc(batch, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
		err := to.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket(name)
			b.FillPercent = 0.9
			for _, p := range batch {
				if err := b.Put(p.key, p.value); err != nil {
					return err
				}
			}
			return nil
		})
		batch, size = nil, 0
		return err
	}
	err := b.ForEach(func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := change(key, value)
		if err != nil {
			return err
		}
		batch = append(batch, p)
		if size += len(p.value); size > pruneBytes || len(batch) == pruneEntries {
			return write()
		}
		return nil
	})
	if err == nil {
		err = write()
	}
	if err != nil {
		return err
	}
	return to.Update(func(tx *bbolt.Tx) error { return tx.Bucket(name).SetSequence(b.Sequence()) })
}

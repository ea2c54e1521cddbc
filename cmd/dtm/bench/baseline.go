package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt" //nolint:depguard // the baseline is what bbolt costs without store/bolt

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
)

// The baseline is an apply that does only what cannot be avoided, as a process of its own: for each tool a record that it
// is begun, the file, written as plugins/localfile does, and a record that it is done. The records have the size of dtm's
// and are committed as store/bolt does it, by whoever comes first for all that have come meanwhile.
const baselineWord = "baseline"

// recordSizes are the sizes of an intent and of an outcome in a journal of dtm's, in bytes, on average.
type recordSizes struct{ intent, applied int }

// arguments are those of the baseline's process, the program's name left out.
func (r recordSizes) arguments(n, parallel int) []string {
	return []string{
		baselineWord, "-tools", strconv.Itoa(n), "-parallel", strconv.Itoa(parallel),
		"-intent", strconv.Itoa(r.intent), "-applied", strconv.Itoa(r.applied),
	}
}

// readSizes takes the sizes from the entries that dtm has written.
func readSizes(ctx context.Context, path string) (recordSizes, error) {
	var bytes, count [2]int
	journal := bolt.New(path, bolt.Options{})
	for run, err := range journal.Runs(ctx) {
		if err != nil {
			return recordSizes{}, err
		}
		for e, err := range journal.Entries(ctx, run.ID) {
			if err != nil {
				return recordSizes{}, err
			}
			value, err := json.Marshal(e)
			if err != nil {
				return recordSizes{}, err
			}
			of := 0
			if e.Kind == store.Applied {
				of = 1
			} else if e.Kind != store.Intent {
				continue
			}
			const checksum = 9
			bytes[of] += checksum + len(value)
			count[of]++
		}
	}
	if count[0] == 0 || count[1] == 0 {
		return recordSizes{}, fmt.Errorf("%s: there are no tools in it", path)
	}
	return recordSizes{bytes[0] / count[0], bytes[1] / count[1]}, nil
}

func runBaseline(args []string) error {
	flags := flag.NewFlagSet(baselineWord, flag.ContinueOnError)
	tools := flags.Int("tools", 0, "")
	parallel := flags.Int("parallel", 1, "")
	var sizes recordSizes
	flags.IntVar(&sizes.intent, "intent", 0, "")
	flags.IntVar(&sizes.applied, "applied", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll("out", 0o755); err != nil {
		return err
	}
	db, err := bbolt.Open("baseline.db", 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true})
	if err != nil {
		return err
	}
	defer db.Close()
	j := &journal{db: db}
	intent, applied := make([]byte, sizes.intent), make([]byte, sizes.applied)
	var next atomic.Int64
	errs := make([]error, *parallel)
	var workers sync.WaitGroup
	for w := range *parallel {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < *tools && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = errors.Join(j.put(intent), writeFile(filename(i), content(i)), j.put(applied))
			}
		})
	}
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return db.Close()
}

// writeFile is what plugins/localfile does on the disk: a draft, made durable, renamed, and the folder made durable.
func writeFile(path, text string) error {
	draft := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".draft")
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// journal is group commit and nothing else.
type journal struct {
	db        *bbolt.DB
	mu        sync.Mutex
	gathering *gathered
	writing   sync.Mutex
	seq       uint64
}

type gathered struct {
	values [][]byte
	done   chan struct{}
	err    error
}

func (j *journal) put(value []byte) error {
	j.mu.Lock()
	g := j.gathering
	first := g == nil
	if first {
		g = &gathered{done: make(chan struct{})}
		j.gathering = g
	}
	g.values = append(g.values, value)
	j.mu.Unlock()
	if first {
		j.writing.Lock()
		j.mu.Lock()
		j.gathering = nil
		j.mu.Unlock()
		g.err = j.db.Update(func(tx *bbolt.Tx) error { return j.commit(tx, g.values) })
		close(g.done)
		j.writing.Unlock()
	}
	<-g.done
	return g.err
}

func (j *journal) commit(tx *bbolt.Tx, values [][]byte) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte("journal"))
	if err != nil {
		return err
	}
	bucket.FillPercent = 1
	for _, v := range values {
		j.seq++
		if err := bucket.Put(binary.BigEndian.AppendUint64(nil, j.seq), v); err != nil {
			return err
		}
	}
	return nil
}

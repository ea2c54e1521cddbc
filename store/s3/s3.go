// Package s3 keeps a journal in a bucket of S3, or of a server that speaks it.
//
// A session writes one object for each group of entries, named by the first of them, created once and never written
// again: that an object of this name is not there yet is what the server checks (If-None-Match), so two writers can
// never both have written entry 7, whatever they believe about locks, clocks and networks. The lock only keeps them from
// trying.
//
//	<key>/head.json              lineage, key, and how far snapshot and journal had come (head.go)
//	<key>/lock.json              who writes, and for how long yet (lease.go)
//	<key>/journal/<first>.json   a group of entries (group.go)
//	<key>/snapshot/<seq>.json    tools and runs as they were at an entry (snapshot.go)
//
// Nothing is ever listed. The object behind a group is named by the entry behind its last one, so a reader takes the head,
// the snapshot it names, and then one object after the other until there is none. Listing would find them in fewer steps,
// but on its own it cannot tell a journal's end from an object that somebody has removed; here each group names the one
// before it, and the head knows how far the journal went at least.
//
// Why not one object that is written anew: each step would move the whole state, a reply that is lost would leave
// nobody knowing whose state it is, and buckets without versions would keep no history. Why not a lock alone: S3 has none
// that a paused process could not believe it still held.
//
// The server must honour If-None-Match and If-Match when it writes; a store is only begun on one that does. The rights
// that are needed are s3:GetObject and s3:PutObject below the key, and s3:ListBucket on the bucket, without which S3
// calls an object that does not exist forbidden.
//
// History that is not to be kept is deleted, and so are snapshots that nobody needs (prune.go). That alone takes
// s3:DeleteObject below the key: without it the runs are forgotten all the same, and their objects stay. No name is ever
// used twice, so a bucket that keeps versions only gets markers.
//
// With keys given, all that is stored is encrypted but for the lock, which everybody may read; the command of its holder
// is not in clear there either. Names, sizes and numbers of objects stay visible, and who may write to the bucket can still
// put an older head or a store of his own in this one's place, for age's recipients are public: the keys keep secrets,
// and do not tell who wrote them.
//
// The one object that is not below the key is what DevStream has left exactly at it, and its backup (old.go).
package s3

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// Options say where a Store is. Credentials come from the SDK's own chain: environment, shared files, role.
type Options struct {
	// Bucket must exist. Key is what the names of all objects begin with, as a folder.
	Bucket string
	Key    string
	// Region of the bucket; if empty, what the SDK's chain says.
	Region string
	// Endpoint is the URL of a server other than AWS; PathStyle puts the bucket's name into the path, as most of those want it.
	Endpoint  string
	PathStyle bool
	// Profile is one of the shared configuration files.
	Profile string
	// KMSKeyID has all objects encrypted with this key of KMS; if empty, as the bucket says.
	KMSKeyID string
	// Keep is how many runs the history keeps; 0 keeps all.
	Keep int
	// Keys are what the store is encrypted with; zero for not at all. A store that there is already must be as they say.
	Keys keyring.Keys
}

// tuning is what only tests change.
type tuning struct {
	// lease is how long a lock lasts without a sign of life. It is renewed every third of that.
	lease time.Duration
	// attempts is how often a request is tried, with waits between of at most backoff.
	attempts int
	backoff  time.Duration
	// timeout is for one attempt.
	timeout time.Duration
	// foldEntries and foldGroups are after how many of them a session writes a snapshot on its way; closing is after how
	// many at its end.
	foldEntries, foldGroups       int
	closingEntries, closingGroups int
	// snapshots is how many stay at most, and deletes how many objects a session deletes at most.
	snapshots, deletes int
	// grace is how long what is to be deleted stays for those who have read an older head. It is longer than the lease.
	grace time.Duration
	now   func() time.Time
}

func defaults() tuning {
	return tuning{
		lease:    time.Minute,
		attempts: 6, backoff: 10 * time.Second, timeout: time.Minute,
		foldEntries: 1000, foldGroups: 250,
		closingEntries: 200, closingGroups: 16,
		snapshots: 20, deletes: 500, grace: 2 * time.Minute,
		now: time.Now,
	}
}

// Store is a store.Store in a bucket. It holds nothing open between calls but idle connections.
type Store struct {
	client *client
	tuning tuning
	keep   int
	keys   keyring.Keys

	mu   sync.Mutex
	ring *keyring.Ring // as it was last opened
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Rekeyer = (*Store)(nil)
)

// New returns the store that opts describe. It reads the SDK's configuration and asks the server nothing: Open creates the
// store, in a bucket that must exist.
func New(ctx context.Context, opts Options) (*Store, error) { return newStore(ctx, opts, defaults()) }

func newStore(ctx context.Context, opts Options, tuning tuning) (*Store, error) {
	c, err := newClient(ctx, opts, tuning)
	if err != nil {
		return nil, err
	}
	return &Store{client: c, tuning: tuning, keep: opts.Keep, keys: opts.Keys}, nil
}

// String is the address, as in s3://bucket/key.
func (s *Store) String() string { return s.client.place }

// Load implements store.Store. It takes no lock and meets none. It costs three requests and one for each group behind the
// snapshot.
func (s *Store) Load(ctx context.Context) (*store.State, error) {
	f, err := s.read(ctx)
	if err != nil {
		return nil, s.explain(err)
	}
	return f.state, nil
}

// Open implements store.Store. It does not wait for the lock; that of a process that has died is free a minute after its last
// sign of life.
func (s *Store) Open(ctx context.Context, by store.Holder, seen *store.State) (store.Session, error) {
	l, err := s.acquire(ctx, by)
	if err != nil {
		return nil, s.explain(err)
	}
	session, err := s.begin(ctx, l, seen)
	if err != nil {
		// The first error counts; a lock that cannot be given back passes by itself.
		_ = l.release()
		return nil, s.explain(err)
	}
	return session, nil
}

func (s *Store) begin(ctx context.Context, l *lease, seen *store.State) (*session, error) {
	f, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if seen != nil {
		if err := compare(*seen, *f.state); err != nil {
			return nil, err
		}
	}
	if f.head == nil {
		if err := s.create(ctx, l, f); err != nil {
			return nil, err
		}
	}
	l.made()
	return newSession(ctx, s, l, f), nil
}

// compare wraps store.ErrStale if seen is not what there is now.
func compare(seen, now store.State) error {
	switch {
	case seen.Lineage == "" && seen.Serial == 0 && now.Serial == 0:
		return nil // it did not exist, or had just been created
	case seen.Lineage != "" && now.Lineage == "":
		return fmt.Errorf("%w: it is not there any more", store.ErrStale)
	case seen.Lineage != "" && seen.Lineage != now.Lineage:
		return fmt.Errorf("%w: it is another journal", store.ErrStale)
	case seen.Lineage != now.Lineage || seen.Serial != now.Serial:
		return fmt.Errorf("%w: it was at entry %d and is at %d", store.ErrStale, seen.Serial, now.Serial)
	}
	return nil
}

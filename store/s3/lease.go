package s3

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

const lockName = "lock.json"

// lock is the object that says who writes. It is overwritten, never deleted: a bucket with versions may take what was
// deleted for what still is there.
type lock struct {
	// Free tells that nobody holds it.
	Free   bool         `json:"free,omitempty"`
	Holder store.Holder `json:"holder"`
	// Token grows with each holder; ID is the holder's own.
	Token uint64 `json:"token"`
	ID    string `json:"id"`
	// Lease is how long the lock lasts from the moment the object was written, by the server's clock. Clocks of the
	// holder and of whoever wants it do not count.
	Lease time.Duration `json:"lease"`
	// Beat counts the signs of life.
	Beat uint64 `json:"beat"`
	// Made tells that the store has a head.
	Made bool `json:"made,omitempty"`
	// Command is the holder's, encrypted, and Ring the wrapped keys it was encrypted with: everybody may see who holds the
	// lock, but not what for.
	Command []byte `json:"command,omitempty"`
	Ring    []byte `json:"ring,omitempty"`
	Nonce   string `json:"nonce"`
}

// lease is a lock that is held, and kept by a goroutine until it is released.
//
// Whoever is paused for longer than the lease may lose it without noticing at once. Before each write the lease asks the clock
// and, where it cannot be sure, the server; what still slips through meets the group that the new holder has written
// under the same name. If it comes before that, it is the new holder whose session ends. Either way one of them is
// refused, and the journal is the truth of what was done.
type lease struct {
	store  *Store
	ctx    context.Context // not the caller's: recording goes on when that is done, and so does the lock
	cancel context.CancelFunc
	beats  sync.WaitGroup
	token  uint64
	id     string
	ring   *keyring.Ring // the store's, or what it is to have; nil if it is in clear

	mu   sync.Mutex
	lock lock
	etag string
	// renewed is when the last request that was granted was sent: the server's clock of the lease began later.
	renewed time.Time
	lost    error
}

// acquire takes the lock or returns *store.LockedError.
func (s *Store) acquire(ctx context.Context, by store.Holder) (*lease, error) {
	ring, err := s.lockRing(ctx)
	if err != nil {
		return nil, err
	}
	for range 10 {
		was, got, err := s.readLock(ctx)
		if err != nil {
			return nil, err
		}
		if was.held(got) {
			return nil, &store.LockedError{Store: s.String(), ID: was.ID, Holder: was.Holder}
		}
		etag := ""
		if got != nil {
			etag = got.etag
		}
		l := &lease{store: s, ctx: context.WithoutCancel(ctx), token: was.Token + 1, id: nonce(), ring: ring, etag: etag}
		err = l.take(by, was.Made)
		if errors.Is(err, errTaken) {
			continue // somebody was faster
		}
		if err != nil {
			return nil, err
		}
		l.ctx, l.cancel = context.WithCancel(l.ctx)
		l.beats.Go(l.keep)
		return l, nil
	}
	return nil, &store.LockedError{Store: s.String()}
}

// lockRing returns the keys that a holder's command is encrypted with: those of the store, or new ones if it has none yet.
func (s *Store) lockRing(ctx context.Context) (*keyring.Ring, error) {
	if s.keys.IsZero() {
		return nil, nil
	}
	h, err := s.readHead(ctx)
	if err != nil {
		return nil, err
	}
	if h != nil {
		return h.ring, nil
	}
	return keyring.New(s.keys)
}

// take is not stopped by the caller's ctx: nobody would know whether the lock was taken.
func (l *lease) take(by store.Holder, made bool) error {
	last := l.store.tuning.lease
	next := lock{Holder: by, Token: l.token, ID: l.id, Lease: last, Made: made}
	if l.ring != nil {
		next.Holder.Command = ""
		next.Command, next.Ring = l.ring.Seal(lockName, []byte(by.Command)), l.ring.Wrapped()
	}
	ctx, cancel := context.WithTimeout(l.ctx, last)
	defer cancel()
	return l.write(ctx, next)
}

// write is called with mu held, or before anybody else knows of l.
func (l *lease) write(ctx context.Context, next lock) error {
	next.Nonce = nonce()
	body, err := seal(nil, lockName, next)
	if err != nil {
		return err
	}
	sent := l.store.tuning.now()
	etag, err := l.store.client.put(ctx, lockName, body, l.etag)
	if err != nil {
		return err
	}
	l.lock, l.etag, l.renewed = next, etag, sent
	return nil
}

func (l *lease) keep() {
	tick := time.NewTicker(l.lock.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
		}
		l.mu.Lock()
		// An error that is not the loss of the lock may pass until the next time.
		_ = l.renew(l.lock.Lease / 3)
		l.mu.Unlock()
	}
}

// renew is called with mu held.
func (l *lease) renew(timeout time.Duration) error {
	if l.lost != nil {
		return l.lost
	}
	ctx, cancel := context.WithTimeout(l.ctx, timeout)
	defer cancel()
	next := l.lock
	next.Beat++
	err := l.write(ctx, next)
	if errors.Is(err, errTaken) {
		err = l.again(ctx, next)
	}
	if errors.Is(err, errTaken) {
		l.lost = errLost
		return l.lost
	}
	return err
}

// again is for a lock that is not as we left it. If we had given up a write of ours that took effect all the same, it is
// still our lock.
func (l *lease) again(ctx context.Context, next lock) error {
	got, err := l.store.client.get(ctx, lockName)
	if err != nil {
		return err
	}
	var now lock
	if got == nil {
		return errTaken
	}
	if err := now.unseal(got.body); err != nil {
		return err
	}
	if now.ID != l.id || now.Free {
		return errTaken
	}
	l.etag = got.etag
	return l.write(ctx, next)
}

// hold returns nil if the lock is ours beyond doubt, or has just been renewed.
func (l *lease) hold() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	// The rest is for the write itself.
	if l.elapsed() < l.lock.Lease*5/6 {
		return nil
	}
	if err := l.renew(l.lock.Lease); err != nil {
		return fmt.Errorf("the lock cannot be renewed: %w", err)
	}
	return nil
}

// elapsed is the longer of what both clocks say: one stands still while the machine sleeps, the other can be set.
func (l *lease) elapsed() time.Duration {
	return since(l.renewed, l.store.tuning.now())
}

func since(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// made notes that the store has a head; the next write of the lock says it.
func (l *lease) made() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lock.Made = true
}

// kept is asked after a write. It returns nil if the lock was ours all the while: if it was not, the name may have been
// written, pruned and free again, and what was written is no part of the journal.
func (l *lease) kept() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.elapsed() < l.lock.Lease {
		return nil
	}
	return l.renew(l.lock.Lease)
}

// probe tells whether the server honours conditions, which it tries with a lock that is held.
func (l *lease) probe(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, etag := range []string{"", `"00000000000000000000000000000000"`} {
		try := l.lock
		try.Nonce = nonce()
		body, err := seal(nil, lockName, try)
		if err != nil {
			return err
		}
		now, err := l.store.client.put(ctx, lockName, body, etag)
		if err == nil {
			l.etag = now
			return errConditions
		}
		if !errors.Is(err, errTaken) {
			return err
		}
	}
	return nil
}

// release gives the lock back. One that was lost is not missed: all that was recorded was recorded in time.
func (l *lease) release() error {
	l.cancel()
	l.beats.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return nil
	}
	l.lost = errLost
	ctx := context.WithoutCancel(l.ctx)
	free := lock{Free: true, Token: l.token, ID: l.id, Lease: l.lock.Lease, Made: l.lock.Made}
	err := l.write(ctx, free)
	if errors.Is(err, errTaken) {
		err = l.again(ctx, free)
	}
	if errors.Is(err, errTaken) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the lock cannot be given back, it passes by itself in %s: %w", l.lock.Lease, err)
	}
	return nil
}

package s3

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/devstream-io/dtm/store"
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
	Beat  uint64 `json:"beat"`
	Nonce string `json:"nonce"`
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

	mu   sync.Mutex
	lock lock
	etag string
	// renewed is when the last request that was granted was sent: the server's clock of the lease began later.
	renewed time.Time
	lost    error
}

// acquire takes the lock or returns *store.LockedError.
func (s *Store) acquire(ctx context.Context, by store.Holder) (*lease, error) {
	for range 10 {
		got, err := s.client.get(ctx, lockName)
		if err != nil {
			return nil, err
		}
		var was lock
		etag := ""
		if got != nil {
			if err := unseal(lockName, got.body, &was); err != nil {
				return nil, err
			}
			// Both times come in whole seconds.
			if !was.Free && got.age < was.Lease+time.Second {
				return nil, &store.LockedError{Store: s.String(), Holder: was.Holder}
			}
			etag = got.etag
		}
		l := &lease{store: s, ctx: context.WithoutCancel(ctx), token: was.Token + 1, id: nonce(), etag: etag}
		err = l.take(by)
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

// take is not stopped by the caller's ctx: nobody would know whether the lock was taken.
func (l *lease) take(by store.Holder) error {
	last := l.store.tuning.lease
	ctx, cancel := context.WithTimeout(l.ctx, last)
	defer cancel()
	return l.write(ctx, lock{Holder: by, Token: l.token, ID: l.id, Lease: last})
}

// write is called with mu held, or before anybody else knows of l.
func (l *lease) write(ctx context.Context, next lock) error {
	next.Nonce = nonce()
	body, err := seal(lockName, next)
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
	if err := unseal(lockName, got.body, &now); err != nil {
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
	now := l.store.tuning.now()
	return max(now.Sub(l.renewed), now.Round(0).Sub(l.renewed.Round(0)))
}

// probe tells whether the server honours conditions, which it tries with a lock that is held.
func (l *lease) probe(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, etag := range []string{"", `"00000000000000000000000000000000"`} {
		try := l.lock
		try.Nonce = nonce()
		body, err := seal(lockName, try)
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
	free := lock{Free: true, Token: l.token, ID: l.id, Lease: l.lock.Lease}
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

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// shelf is a folder of archives whose names are their digests.
type shelf string

func (o Options) cache() shelf  { return shelf(filepath.Join(o.Cache, "plugins", "sha256")) }
func (o Options) bundle() shelf { return shelf(filepath.Join(o.Bundle, "sha256")) }

func (s shelf) path(digest string) string {
	return filepath.Join(string(s), strings.TrimPrefix(digest, "sha256:"))
}

// wrongSum is the error of bytes that have another digest than they should.
type wrongSum struct{ what, want, got string }

func (e *wrongSum) Error() string {
	return fmt.Sprintf("wrong checksum: %s is %s, it should be %s", e.what, e.got, e.want)
}

// open opens an archive whose every byte was checked, and returns its size. Where there is none, the error wraps
// fs.ErrNotExist; where it is damaged, it is a *wrongSum.
func (s shelf) open(ctx context.Context, digest string) (_ *os.File, size int64, err error) {
	f, err := os.Open(s.path(digest))
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	sum := sha256.New()
	if size, err = io.Copy(sum, bound{ctx, f}); err != nil {
		return nil, 0, err
	}
	if got := digestOf(sum); got != digest {
		return nil, 0, &wrongSum{f.Name(), digest, got}
	}
	return f, size, nil
}

func digestOf(sum hash.Hash) string { return "sha256:" + hex.EncodeToString(sum.Sum(nil)) }

// take hands a place for an archive to fetch, which may write there, anew each time it calls its argument. It puts the
// archive on the shelf, durably and in one step, and returns its digest. If want is not empty, what has another digest is
// an error and is not kept.
func (o Options) take(ctx context.Context, s shelf, name, want string, fetch func(take func(body io.Reader, size int64) error) error) (string, error) {
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return "", onDisk(err)
	}
	s.tidy(o.Now())
	f, err := os.CreateTemp(string(s), "*"+partial)
	if err != nil {
		return "", onDisk(err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone from there if all is well
	defer f.Close()
	sum := sha256.New()
	var size int64
	err = fetch(func(body io.Reader, announced int64) error {
		sum.Reset()
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := f.Truncate(0); err != nil {
			return err
		}
		if announced > o.limits.archive {
			return tooLarge(announced, o.limits.archive)
		}
		into := &disk{f: f}
		progress := &progressing{r: body, tell: o.Progress, now: Progress{Name: name, Total: announced}}
		var err error
		size, err = io.Copy(io.MultiWriter(into, sum), io.LimitReader(bound{ctx, progress}, o.limits.archive+1))
		switch {
		case into.err != nil:
			return onDisk(into.err)
		case err != nil:
			return err
		case size > o.limits.archive:
			return tooLarge(size, o.limits.archive)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	got := digestOf(sum)
	if want != "" && got != want {
		return "", plugins.Hinted(&wrongSum{"what came", want, got},
			"somebody has changed it since it was locked: find out who before you trust it with `dtm init --upgrade`")
	}
	// Who may not read it is kept out by the folder: a bundle is for others, too.
	if err := errors.Join(f.Chmod(0o644), f.Sync()); err != nil {
		return "", onDisk(err)
	}
	if err := os.Rename(f.Name(), s.path(got)); err != nil {
		return "", onDisk(err)
	}
	o.Progress(Progress{Name: name, Done: size, Total: size})
	return got, nil
}

func tooLarge(size, most int64) error {
	return plugins.Hinted(fmt.Errorf("the archive has %d bytes or more, dtm takes %d", size, most), "is it the address of a plugin's archive?")
}

// progressing tells how much was read, about every hundredth.
type progressing struct {
	r    io.Reader
	tell func(Progress)
	now  Progress
	told int64
}

func (p *progressing) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.now.Done += int64(n)
	if p.now.Done-p.told >= max(p.now.Total/100, 1<<16) {
		p.told = p.now.Done
		p.tell(p.now)
	}
	return n, err
}

// partial ends the names of what is being written.
const partial = ".part"

// tidy removes what killed processes left. What it cannot remove stays.
func (s shelf) tidy(now time.Time) {
	parts, _ := filepath.Glob(filepath.Join(string(s), "*"+partial))
	for _, part := range parts {
		if info, err := os.Lstat(part); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(part)
		}
	}
}

// archive is the checked archive of a task: from the bundle, from the cache, or from its source. The caller closes it.
func (t *task) archive(ctx context.Context, p Platform) (*os.File, int64, error) {
	if t.o.Bundle != "" {
		f, size, err := t.o.bundle().open(ctx, p.Archive)
		if err == nil || ctx.Err() != nil {
			return f, size, err
		}
		var damaged *wrongSum
		if errors.As(err, &damaged) {
			return nil, 0, plugins.Hinted(fmt.Errorf("the bundle is damaged: %w", err), "copy it here again")
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, 0, err
		}
	}
	f, size, err := t.o.cache().open(ctx, p.Archive)
	var damaged *wrongSum
	switch {
	case err == nil, ctx.Err() != nil:
		return f, size, err
	case errors.As(err, &damaged):
		t.note("what the cache had of it was damaged")
	case !errors.Is(err, fs.ErrNotExist):
		return nil, 0, onDisk(err)
	}
	if t.o.Bundle != "" {
		return nil, 0, plugins.Hinted(fmt.Errorf("the bundle %s has no archive %s for %s", t.o.Bundle, p.Archive, t.o.Platform),
			"make it again from this dtm.lock: `dtm bundle create`")
	}
	if err := t.fetch(ctx, p); err != nil {
		if damaged != nil {
			err = fmt.Errorf("%w; it could not be fetched again: %w", damaged, err)
		}
		return nil, 0, err
	}
	return t.o.cache().open(ctx, p.Archive)
}

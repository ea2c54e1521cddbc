package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// offer is what a source has of a version.
type offer struct {
	// version is empty where only the manifest in the archive tells it.
	version string
	// platforms are the archives, as in [Entry].
	platforms map[string]Platform
}

// resolve asks the source what it has: of that exact version, or of the newest that fits the wish.
func (t *task) resolve(ctx context.Context, exact string) (offer, error) {
	if t.src.kind == inRegistry {
		r, err := t.o.repository(t.src.ref)
		if err != nil {
			return offer{}, err
		}
		if exact == "" {
			exact, _ = exactly(t.wish.Version)
		}
		return r.offer(ctx, t.wish.Version, exact, t.key)
	}
	version := ""
	if t.src.versioned() {
		if version = exact; version == "" {
			var ok bool
			if version, ok = exactly(t.wish.Version); !ok {
				return offer{}, plugins.Hinted(fmt.Errorf("source %s has {version} in it, and version %q is not one", t.src.text, t.wish.Version),
					"write which one, as in \"1.2.3\": only a registry can be asked which there are")
			}
		}
	}
	sums, err := t.text(ctx, version, sumsName)
	switch {
	case errors.Is(err, plugins.ErrNotFound), errors.Is(err, errForbidden):
		return t.firstUse(ctx, version)
	case err != nil:
		return offer{}, err
	}
	if t.key != nil {
		if err := t.checkText(ctx, version, sumsName, sums); err != nil {
			return offer{}, err
		}
	}
	return t.listed(version, sums)
}

// listed is the offer of a SHA256SUMS.
func (t *task) listed(version string, text []byte) (offer, error) {
	sums, err := parseSums(text)
	if err != nil {
		return offer{}, plugins.Hinted(err, "tell its author: `sha256sum *.tar.gz >SHA256SUMS` makes it")
	}
	found := offer{version: version, platforms: map[string]Platform{}}
	for name, digest := range sums {
		if platform, ok := t.src.platformOf(version, name, t.o.Platform); ok {
			found.platforms[platform] = Platform{Archive: digest}
		}
	}
	if len(found.platforms) == 0 {
		return offer{}, plugins.Hinted(fmt.Errorf("%s does not list %s", sumsName, path.Base(t.src.filled(version, t.o.Platform))),
			"the list beside the archive must have it, under the name that `source` ends in")
	}
	return found, nil
}

// firstUse is the offer of a source that lists no digests: what it has for this platform is fetched, and taken for right.
func (t *task) firstUse(ctx context.Context, version string) (offer, error) {
	digest, err := t.o.take(ctx, t.o.cache(), t.wish.Name, "", func(take func(io.Reader, int64) error) error {
		return t.read(ctx, t.src.filled(version, t.o.Platform), take)
	})
	if err != nil {
		return offer{}, err
	}
	name := path.Base(t.src.filled(version, t.o.Platform))
	if t.key != nil {
		encoded, err := t.text(ctx, version, name+".sig")
		if errors.Is(err, plugins.ErrNotFound) || errors.Is(err, errForbidden) {
			return offer{}, unsigned(name)
		}
		if err != nil {
			return offer{}, err
		}
		f, _, err := t.o.cache().open(ctx, digest)
		if err != nil {
			return offer{}, err
		}
		defer f.Close()
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return offer{}, err
		}
		if err := t.key.checkBlob(name, encoded, f); err != nil {
			return offer{}, err
		}
	}
	platform := anyPlatform
	if t.src.forPlatforms() {
		platform = t.o.Platform
		t.note("there is no %s beside the archive: only %s is locked, by what came now", sumsName, platform)
	} else {
		t.note("there is no %s beside the archive: it is locked by what came now", sumsName)
	}
	return offer{version: version, platforms: map[string]Platform{platform: {Archive: digest}}}, nil
}

// checkText checks the signature beside a text.
func (t *task) checkText(ctx context.Context, version, name string, content []byte) error {
	encoded, err := t.text(ctx, version, name+".sig")
	if errors.Is(err, plugins.ErrNotFound) || errors.Is(err, errForbidden) {
		return unsigned(name)
	}
	if err != nil {
		return err
	}
	return t.key.checkBlob(name, encoded, strings.NewReader(string(content)))
}

// text is a small file beside the archive.
func (t *task) text(ctx context.Context, version, name string) ([]byte, error) {
	at := t.src.beside(version, t.o.Platform, name)
	if t.src.kind == onWeb {
		return t.o.text(ctx, at)
	}
	data, err := readText(t.o.at(at))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent{err}
	}
	return data, err
}

// read hands what is at an address or a path to take.
func (t *task) read(ctx context.Context, at string, take func(io.Reader, int64) error) error {
	if t.src.kind == onWeb {
		return t.o.get(ctx, at, take)
	}
	f, err := os.Open(t.o.at(at))
	if err != nil {
		return plugins.Hinted(err, "relative paths start at the folder of the configuration")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return take(f, info.Size())
}

// fetch puts the archive of a platform into the cache.
func (t *task) fetch(ctx context.Context, p Platform) error {
	name := t.wish.Name
	if t.label != "" {
		name = t.label
	}
	_, err := t.o.take(ctx, t.o.cache(), name, p.Archive, func(take func(io.Reader, int64) error) error {
		if t.src.kind != inRegistry {
			return t.read(ctx, t.src.filled(t.entry.Version, t.o.Platform), take)
		}
		r, err := t.o.repository(t.src.ref)
		if err != nil {
			return err
		}
		return r.blob(ctx, p.Archive, take)
	})
	return err
}

// wrongPlatform is the error of a plugin that there is, but not for here.
func wrongPlatform(e Entry, platform string) error {
	err := fmt.Errorf("it is not there for %s, only for %s", platform, strings.Join(slices.Sorted(maps.Keys(e.Platforms)), ", "))
	return plugins.Hinted(err, "ask its author for this platform, or use a machine of another")
}

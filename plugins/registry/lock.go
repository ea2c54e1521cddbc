package registry

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/plugins"
)

// LockName is the name of the file beside the configuration that says which plugins it was made with. Users commit it.
const LockName = "dtm.lock"

const lockVersion = 1

// anyPlatform is where an archive is that is the same for all.
const anyPlatform = "any"

// Lock is what dtm.lock says. Its zero value is that of a folder without one.
type Lock struct {
	// Lock is the version of this form: 1.
	Lock int `json:"lock"`
	// Plugins are those of the configuration, by name.
	Plugins map[string]Entry `json:"plugins"`
}

// Entry is what dtm.lock says of a plugin.
type Entry struct {
	// Source and Constraint are what the configuration said.
	Source     string `json:"source"`
	Constraint string `json:"constraint,omitempty"`
	Version    string `json:"version"`
	// Local tells that the plugin is a folder, which is run as it is: nothing about its files is known.
	Local bool `json:"local,omitempty"`
	// Platforms are the archives, by "os/arch" or "any".
	Platforms map[string]Platform `json:"platforms,omitempty"`
	// Key is the digest of the public key that it was signed for: "sha256:…" of its DER.
	Key string `json:"key,omitempty"`
	// Env are the variables that the process gets, so that a review sees which it asks for.
	Env []string `json:"env,omitempty"`
}

// Platform is the plugin for a platform.
type Platform struct {
	// Archive is the digest of the packed plugin: "sha256:…".
	Archive string `json:"archive"`
	// Manifest is the digest of the OCI manifest that names it, where it came from a registry.
	Manifest string `json:"manifest,omitempty"`
	// Tree is the digest of the files in it ("h1:…"), empty until it was installed somewhere.
	Tree string `json:"tree,omitempty"`
}

// ReadLock reads dtm.lock in dir. That there is none is no error.
func ReadLock(dir string) (Lock, error) {
	path := filepath.Join(dir, LockName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Lock{}, nil
	}
	if err != nil {
		return Lock{}, err
	}
	l, err := parseLock(data)
	if err != nil {
		return Lock{}, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func parseLock(data []byte) (Lock, error) {
	const hint = "take it from version control again, or remove it and run `dtm init`, which trusts what the sources have now"
	var version struct {
		Lock int `json:"lock"`
	}
	if err := json.Unmarshal(data, &version); err == nil && version.Lock > lockVersion {
		return Lock{}, plugins.Hinted(fmt.Errorf("it is of form %d, this dtm knows %d", version.Lock, lockVersion), "it was written by a newer dtm: use that one")
	}
	var l Lock
	err := strict(data, &l)
	if err == nil {
		err = l.valid()
	}
	if err != nil {
		return Lock{}, plugins.Hinted(fmt.Errorf("it is damaged: %w", err), hint)
	}
	return l, nil
}

// valid checks whatever becomes a path, a command or an address.
func (l Lock) valid() error {
	if l.Lock != lockVersion {
		return fmt.Errorf("lock is %d, it must be %d", l.Lock, lockVersion)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Plugins)) {
		if err := validName(name); err != nil {
			return err
		}
		if err := l.Plugins[name].valid(); err != nil {
			return fmt.Errorf("plugin %s: %w", name, err)
		}
	}
	return nil
}

var (
	platformName = regexp.MustCompile(`^([a-z0-9]+/[a-z0-9]+|any)$`)
	treeName     = regexp.MustCompile(`^h1:[A-Za-z0-9+/]{43}=$`)
)

func (e Entry) valid() error {
	if _, err := parseSource(e.Source); err != nil {
		return err
	}
	if err := validVersion(e.Version); err != nil {
		return err
	}
	if e.Local != (len(e.Platforms) == 0) {
		return errors.New("it has either platforms or is local")
	}
	if e.Key != "" && !validDigest(e.Key) {
		return fmt.Errorf("key %q is no digest", e.Key)
	}
	for name, p := range e.Platforms {
		switch {
		case !platformName.MatchString(name):
			return fmt.Errorf("%q is no platform", name)
		case !validDigest(p.Archive):
			return fmt.Errorf("%s: archive %q is no digest", name, p.Archive)
		case p.Manifest != "" && !validDigest(p.Manifest):
			return fmt.Errorf("%s: manifest %q is no digest", name, p.Manifest)
		case p.Tree != "" && !treeName.MatchString(p.Tree):
			return fmt.Errorf("%s: tree %q is no digest", name, p.Tree)
		}
	}
	return nil
}

func validDigest(digest string) bool {
	raw, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	return err == nil && strings.HasPrefix(digest, "sha256:") && len(raw) == 32 && strings.ToLower(digest) == digest
}

// text is the bytes of dtm.lock: the same for the same content.
func (l Lock) text() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(l)
	return b.Bytes(), err
}

// write writes dtm.lock in dir unless it says so already, and tells whether it did.
func (l Lock) write(dir string) (bool, error) {
	text, err := l.text()
	if err != nil {
		return false, err
	}
	path := filepath.Join(dir, LockName)
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, text) {
		return false, nil
	}
	return true, renameio.WriteFile(path, text, 0o644)
}

// clone is a copy that shares nothing.
func (l Lock) clone() Lock {
	c := Lock{Lock: lockVersion, Plugins: maps.Clone(l.Plugins)}
	if c.Plugins == nil {
		c.Plugins = map[string]Entry{}
	}
	for name, e := range c.Plugins {
		e.Platforms = maps.Clone(e.Platforms)
		c.Plugins[name] = e
	}
	return c
}

// on is the entry's archive for a platform, and under which name it is kept.
func (e Entry) on(platform string) (name string, p Platform, ok bool) {
	if p, ok := e.Platforms[platform]; ok {
		return platform, p, true
	}
	p, ok = e.Platforms[anyPlatform]
	return anyPlatform, p, ok
}

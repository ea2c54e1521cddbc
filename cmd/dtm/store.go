package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/bolt"
	"github.com/devstream-io/dtm/store/keyring"
	"github.com/devstream-io/dtm/store/s3"
)

// stateFile is the absolute path of the journal: in the folder of the configuration, or in the current folder, where DevStream
// kept it, if it is there alone.
func (p *project) stateFile() string {
	name := p.config.State.StateFile
	if filepath.IsAbs(name) {
		return name
	}
	path := filepath.Join(p.config.Dir, name)
	if here, err := filepath.Abs(name); err == nil && !fileExists(path) && fileExists(here) && p.keptHere() {
		return here
	}
	return path
}

// keptHere tells whether a state in the current folder may be that of the configuration: it is YAML, and the folder has no
// configuration of its own, whose state it would be.
func (p *project) keptHere() bool {
	if len(p.config.Files) == 0 || filepath.Ext(p.config.Files[0]) == ".cue" {
		return false
	}
	own, err := filepath.Glob("*.cue")
	return err == nil && len(own) == 0 && !fileExists("config.yaml") && !fileExists("config.yml")
}

// openStore wires the store that the configuration names. A state of DevStream at its place is read as if it were one.
func (p *project) openStore(ctx context.Context) error {
	keys, err := keysOf(p.config.State.Encryption)
	if err != nil {
		return err
	}
	p.store, err = p.storeWith(ctx, keys)
	return err
}

// storeWith is the store under these keys.
func (p *project) storeWith(ctx context.Context, keys keyring.Keys) (store.Store, error) {
	c := p.config.State
	if c.Backend == "s3" {
		bucket, err := s3.New(ctx, s3.Options{
			Bucket: c.Bucket, Key: c.Key, Region: c.Region, Endpoint: c.Endpoint, PathStyle: c.PathStyle,
			Profile: c.Profile, KMSKeyID: c.KMSKeyID, Keep: c.Retention, Keys: keys,
		})
		if err != nil {
			return nil, err
		}
		return p.succeedObject(ctx, bucket)
	}
	opts := bolt.Options{Keep: c.Retention, Keys: keys}
	if c.ConfigMap != nil && !fileExists(p.stateFile()) {
		return p.succeedConfigMap(ctx, p.stateFile(), opts)
	}
	return p.succeedFile(ctx, p.stateFile(), opts)
}

// keysOf are the keys that the environment has for an encryption.
func keysOf(e schema.Encryption) (keyring.Keys, error) {
	var keys keyring.Keys
	switch {
	case e.PassphraseEnv != "":
		if keys.Passphrase = os.Getenv(e.PassphraseEnv); keys.Passphrase == "" {
			return keys, &engine.EnvError{Name: e.PassphraseEnv}
		}
	case len(e.Recipients) > 0:
		keys.Recipients = e.Recipients
		var err error
		if keys.Identities, err = identities(e.IdentityEnv); err != nil {
			return keys, err
		}
	}
	return keys, nil
}

// identities are the text of the variable, or of the file that it names. Without any, a store can be made and not read.
func identities(name string) (string, error) {
	text := strings.TrimSpace(os.Getenv(name))
	if text == "" || strings.HasPrefix(text, "AGE-SECRET-KEY-") || strings.HasPrefix(text, "#") {
		return text, nil
	}
	data, err := os.ReadFile(text)
	if err != nil {
		// The value is not quoted: it may be a key that was mistyped.
		return "", hinted{fmt.Errorf("the variable %s holds neither an identity of age nor the name of a file that can be read", name),
			"age-keygen -o FILE makes one"}
	}
	return string(data), nil
}

// describe says where the state is, in DevStream's words.
func (p *project) describe() string {
	if c := p.config.State; c.Backend == "s3" {
		return fmt.Sprintf("Using s3 backend. Bucket: %s, region: %s, key: %s.", c.Bucket, c.Region, c.Key)
	}
	return fmt.Sprintf("Using local backend. State file: %s.", relative(p.store.String()))
}

package main

import (
	"context"
	"errors"
	"os"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// The variables that keys come from where no configuration says another.
const (
	usualIdentity   = "DTM_AGE_IDENTITY"
	usualPassphrase = "DTM_STATE_PASSPHRASE"
)

type stateRekeyCmd struct {
	stateFlags
	lockFlags
	OldIdentityEnv   string `default:"DTM_OLD_AGE_IDENTITY" placeholder:"NAME" help:"The variable with the identity that still opens it, or with the name of its file (default ${default})."`
	OldPassphraseEnv string `default:"DTM_OLD_STATE_PASSPHRASE" placeholder:"NAME" help:"The variable with the passphrase that still opens it (default ${default})."`
	Decrypt          bool   `help:"Say that you mean it where the configuration has no state.encryption: everything is stored in clear."`
}

// Run encrypts what is stored under new keys.
func (c *stateRekeyCmd) Run(ctx context.Context, a *app) error {
	if c.State != "" {
		return errors.New("the configuration says how to encrypt, so --state is of no use here; give it with -f")
	}
	p, err := a.read(ctx, &c.configFlags, 1)
	if err != nil {
		return err
	}
	to, err := keysOf(p.config.State.Encryption)
	if err != nil {
		return err
	}
	if to.IsZero() && !c.Decrypt {
		return hinted{errors.New("the configuration has no state.encryption, so everything would be stored in clear"), "--decrypt says that you mean it"}
	}
	old, err := c.oldKeys()
	if err != nil {
		return err
	}
	st, err := p.openWith(ctx, append([]keyring.Keys{to, {}}, old...))
	if err != nil {
		return err
	}
	p.store = st
	rekeyer, ok := st.(store.Rekeyer)
	if !ok {
		return hinted{errors.New("this is still the state of DevStream"), "run `dtm apply` first, which takes it over"}
	}
	if err := a.awaitLock(ctx, st, p.engine.Now().Add(c.LockTimeout)); err != nil {
		return err
	}
	a.screen.Info("%s", p.describe())
	if err := rekeyer.Rekey(ctx, a.holder(), to); err != nil {
		return err
	}
	if to.IsZero() {
		a.screen.Success("Everything is stored in clear now.")
		return nil
	}
	a.screen.Success("Everything is encrypted with a new key. Backups that were made before still open with the old ones.")
	return nil
}

// oldKeys are the keys that the store may still have.
func (c *stateRekeyCmd) oldKeys() ([]keyring.Keys, error) {
	var all []keyring.Keys
	for _, name := range []string{c.OldPassphraseEnv, usualPassphrase} {
		if text := os.Getenv(name); text != "" {
			all = append(all, keyring.Keys{Passphrase: text})
		}
	}
	for _, name := range []string{c.OldIdentityEnv, usualIdentity} {
		text, err := identities(name)
		if err != nil {
			return nil, err
		}
		if text != "" {
			all = append(all, keyring.Keys{Identities: text})
		}
	}
	return all, nil
}

// openWith is the store under the first keys that open it.
func (p *project) openWith(ctx context.Context, candidates []keyring.Keys) (store.Store, error) {
	var first error
	for _, keys := range candidates {
		st, err := p.storeWith(ctx, keys)
		if err == nil {
			_, err = st.Load(ctx)
		}
		if err == nil {
			return st, nil
		}
		if !errors.Is(err, keyring.ErrKeys) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// openWithUsualKeys opens the store in clear, or with what the usual variables have.
func (p *project) openWithUsualKeys(ctx context.Context) error {
	candidates := []keyring.Keys{{}}
	if text := os.Getenv(usualPassphrase); text != "" {
		candidates = append(candidates, keyring.Keys{Passphrase: text})
	}
	text, err := identities(usualIdentity)
	if err != nil {
		return err
	}
	if text != "" {
		candidates = append(candidates, keyring.Keys{Identities: text})
	}
	p.config.State.Encryption = schema.Encryption{}
	p.store, err = p.openWith(ctx, candidates)
	return err
}

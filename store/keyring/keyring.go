// Package keyring encrypts what a store keeps.
//
// It is an envelope. The data are encrypted with AES-256-GCM under keys made at random, and only these keys are encrypted
// with age (age-encryption.org/v1), to recipients or with a passphrase; the outcome, the wrapped ring, lies beside the
// data. Were each entry an age file of its own, a write would cost a key exchange and 200 bytes more, and a passphrase
// half a second for each.
//
// The name of what is encrypted is authenticated with it, so that nothing can be put in another's place. Names, sizes and
// numbers of what is stored stay visible.
package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// ErrKeys is wrapped when the keys that were given cannot be used, or do not open what they should.
var ErrKeys = errors.New("the keys do not fit")

// Keys say who may read: whoever has an identity of one of the recipients, or the passphrase. The zero Keys mean that
// nothing is encrypted. They are secret but for Recipients, and never a part of an error.
type Keys struct {
	// Recipients are public keys of age, as in "age1…". Encrypting needs no more.
	Recipients []string
	// Identities are secret keys of age, in the form of an identity file: one a line, "#" begins a comment. Reading needs no
	// more.
	Identities string
	// Passphrase is instead of both.
	Passphrase string
}

// IsZero tells whether nothing is to be encrypted.
func (k Keys) IsZero() bool {
	return len(k.Recipients) == 0 && k.Identities == "" && k.Passphrase == ""
}

// workFactor is the binary logarithm of scrypt's cost. 16 takes a tenth of a second and 64 MiB for each process that opens
// a store; age's own 18 is for files that lie about for years under a passphrase that a person can remember.
const workFactor = 16

// keyLen is that of AES-256, idLen that of the name of a key at the head of what it has encrypted.
const (
	keyLen = 32
	idLen  = 4
)

// Ring is the keys of a store. It never changes and may be used by many goroutines. A nil Ring keeps everything as it is.
type Ring struct {
	current string
	keys    map[string][]byte
	ciphers map[string]cipher.AEAD
	label   []byte
	wrapped []byte
}

// content is what is wrapped.
type content struct {
	// Current names the key that encrypts; the others only decrypt.
	Current string            `json:"current"`
	Keys    map[string][]byte `json:"keys"`
	// Label is the key of Label. It stays when the others change: what it names would be lost.
	Label []byte `json:"label"`
}

// New makes a ring with a key of its own. Keys must not be zero.
func New(k Keys) (*Ring, error) {
	label := make([]byte, keyLen)
	rand.Read(label) // never fails
	return make1(k, content{Keys: map[string][]byte{}, Label: label})
}

// Open opens a wrapped ring. It wraps ErrKeys if the keys do not fit, or the ring was changed.
func Open(wrapped []byte, k Keys) (*Ring, error) {
	ids, err := k.identities()
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(wrapped), ids...)
	var plain []byte
	if err == nil {
		plain, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrKeys, k.misfit())
	}
	var c content
	if err := json.Unmarshal(plain, &c); err != nil || c.Keys[c.Current] == nil {
		return nil, fmt.Errorf("%w: the ring of keys is not complete", ErrKeys)
	}
	return newRing(c, wrapped)
}

// Wrapped is the ring as it may be stored. The caller does not change it.
func (r *Ring) Wrapped() []byte {
	if r == nil {
		return nil
	}
	return r.wrapped
}

// Rotate returns a ring with a new key to encrypt with, wrapped for k. What the old keys have encrypted it still opens.
func (r *Ring) Rotate(k Keys) (*Ring, error) {
	if r == nil {
		return New(k)
	}
	c := content{Keys: map[string][]byte{}, Label: r.label}
	for id, key := range r.keys {
		c.Keys[id] = key
	}
	return make1(k, c)
}

// Retire returns the ring without its old keys, wrapped for k: for when nothing is left that they have encrypted. Of a nil
// Ring it is nil.
func (r *Ring) Retire(k Keys) (*Ring, error) {
	if r == nil {
		return nil, nil
	}
	c := content{Current: r.current, Keys: map[string][]byte{r.current: r.keys[r.current]}, Label: r.label}
	return wrap(k, c)
}

// make1 adds a key to the content and makes it the current one.
func make1(k Keys, c content) (*Ring, error) {
	key, id := make([]byte, keyLen), make([]byte, idLen)
	rand.Read(key) // never fails
	for c.Current == "" || c.Keys[c.Current] != nil {
		rand.Read(id)
		c.Current = base32.HexEncoding.EncodeToString(id)
	}
	c.Keys[c.Current] = key
	return wrap(k, c)
}

func wrap(k Keys, c content) (*Ring, error) {
	to, err := k.recipients()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return newRing(c, b.Bytes())
}

func newRing(c content, wrapped []byte) (*Ring, error) {
	r := &Ring{current: c.Current, keys: c.Keys, ciphers: map[string]cipher.AEAD{}, label: c.Label, wrapped: wrapped}
	for id, key := range c.Keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeys, err)
		}
		if r.ciphers[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Seal encrypts what is stored under this name. It keeps nothing of plain; of a nil Ring it returns plain.
func (r *Ring) Seal(name string, plain []byte) []byte {
	if r == nil {
		return plain
	}
	id, _ := base32.HexEncoding.DecodeString(r.current) // made by us
	aead := r.ciphers[r.current]
	out := make([]byte, idLen, idLen+len(plain)+aead.Overhead())
	copy(out, id)
	return aead.Seal(out, nil, plain, []byte(name))
}

// Unseal is the reverse of Seal. It wraps ErrKeys if what is given was not encrypted under this name by a key of the ring.
// Of a nil Ring it returns sealed.
func (r *Ring) Unseal(name string, sealed []byte) ([]byte, error) {
	if r == nil {
		return sealed, nil
	}
	if len(sealed) < idLen {
		return nil, fmt.Errorf("%w: %s is not encrypted", ErrKeys, name)
	}
	aead := r.ciphers[base32.HexEncoding.EncodeToString(sealed[:idLen])]
	if aead == nil {
		return nil, fmt.Errorf("%w: %s was encrypted with a key that is not there", ErrKeys, name)
	}
	plain, err := aead.Open(nil, nil, sealed[idLen:], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%w: %s was changed, or belongs elsewhere", ErrKeys, name)
	}
	return plain, nil
}

// Current tells whether Seal's present key has encrypted this.
func (r *Ring) Current(sealed []byte) bool {
	return r != nil && len(sealed) >= idLen && base32.HexEncoding.EncodeToString(sealed[:idLen]) == r.current
}

// Label is a name that tells nothing, always the same for the same name: HMAC-SHA-256 (RFC 2104). Of a nil Ring it is the
// name itself.
func (r *Ring) Label(name string) string {
	if r == nil {
		return name
	}
	mac := hmac.New(sha256.New, r.label)
	mac.Write([]byte(name))
	return base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil))
}

func (k Keys) recipients() ([]age.Recipient, error) {
	if k.Passphrase != "" {
		r, err := age.NewScryptRecipient(k.Passphrase)
		if err != nil {
			return nil, fmt.Errorf("%w: the passphrase cannot be used", ErrKeys)
		}
		r.SetWorkFactor(workFactor)
		return []age.Recipient{r}, nil
	}
	all, err := age.ParseRecipients(strings.NewReader(strings.Join(k.Recipients, "\n")))
	if err != nil {
		return nil, fmt.Errorf("%w: recipients: %w", ErrKeys, err)
	}
	return all, nil
}

func (k Keys) identities() ([]age.Identity, error) {
	if k.Passphrase != "" {
		id, err := age.NewScryptIdentity(k.Passphrase)
		if err != nil {
			return nil, fmt.Errorf("%w: the passphrase cannot be used", ErrKeys)
		}
		return []age.Identity{id}, nil
	}
	if strings.TrimSpace(k.Identities) == "" {
		return nil, fmt.Errorf("%w: it is encrypted, and no identity was given", ErrKeys)
	}
	all, err := age.ParseIdentities(strings.NewReader(k.Identities))
	if err != nil {
		// What age says may quote the key.
		return nil, fmt.Errorf("%w: the identity is not one of age", ErrKeys)
	}
	return all, nil
}

// misfit says what does not open the ring.
func (k Keys) misfit() string {
	if k.Passphrase != "" {
		return "the passphrase is not the one it was encrypted with"
	}
	return "it was not encrypted to any of the identities"
}

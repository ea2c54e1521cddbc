package keyring_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/devstream-io/dtm/store/keyring"
)

// recipient returns keys of a new identity.
func recipient(t *testing.T) keyring.Keys {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return keyring.Keys{Recipients: []string{id.Recipient().String()}, Identities: "# made for a test\n" + id.String() + "\n"}
}

func made(t *testing.T, k keyring.Keys) *keyring.Ring {
	t.Helper()
	r, err := keyring.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func opened(t *testing.T, wrapped []byte, k keyring.Keys) *keyring.Ring {
	t.Helper()
	r, err := keyring.Open(wrapped, k)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func unsealed(t *testing.T, r *keyring.Ring, name string, sealed []byte, want string) {
	t.Helper()
	if plain, err := r.Unseal(name, sealed); err != nil || string(plain) != want {
		t.Errorf("unseal %s: %q, %v, want %q", name, plain, err, want)
	}
}

const secret = "tool-with-a-secret"

func TestWhoHasTheKeysReadsWhatWasSealed(t *testing.T) {
	both := recipient(t)
	other := recipient(t)
	both.Recipients = append(both.Recipients, other.Recipients...)
	for name, test := range map[string]struct{ by, reader keyring.Keys }{
		"a recipient":      {recipient(t), keyring.Keys{}},
		"one of two":       {both, keyring.Keys{Identities: other.Identities}},
		"one of many":      {both, keyring.Keys{Identities: recipient(t).Identities + other.Identities}},
		"with a password":  {keyring.Keys{Passphrase: "horse"}, keyring.Keys{}},
		"only an identity": {other, keyring.Keys{Identities: other.Identities}},
	} {
		if test.reader.IsZero() {
			test.reader = test.by
		}
		ring := made(t, test.by)
		for _, plain := range []string{"", "x", strings.Repeat(secret, 1000)} {
			sealed := ring.Seal("entry 1", []byte(plain))
			if bytes.Contains(sealed, []byte("secret")) {
				t.Errorf("%s: one can read it", name)
			}
			if again := ring.Seal("entry 1", []byte(plain)); bytes.Equal(again, sealed) {
				t.Errorf("%s: the same looks the same", name)
			}
			unsealed(t, ring, "entry 1", sealed, plain)
			later := opened(t, ring.Wrapped(), test.reader)
			unsealed(t, later, "entry 1", sealed, plain)
			if later.Label("a.b") != ring.Label("a.b") {
				t.Errorf("%s: the label has changed", name)
			}
		}
	}
}

func TestWhoHasNotTheKeysIsRefused(t *testing.T) {
	to, with := recipient(t), keyring.Keys{Passphrase: "correct horse"}
	public := keyring.Keys{Recipients: to.Recipients}
	for name, test := range map[string]struct{ by, reader keyring.Keys }{
		"no keys":                          {to, keyring.Keys{}},
		"a public key":                     {to, public},
		"another identity":                 {to, recipient(t)},
		"a passphrase for a recipient":     {to, with},
		"no keys for a passphrase":         {with, keyring.Keys{}},
		"another passphrase":               {with, keyring.Keys{Passphrase: "correct horses"}},
		"an identity for a passphrase":     {with, to},
		"an identity that is cut short":    {to, keyring.Keys{Identities: to.Identities[:len(to.Identities)-9]}},
		"an identity that is none":         {to, keyring.Keys{Identities: "swordfish"}},
		"comments in place of an identity": {to, keyring.Keys{Identities: "# nothing\n\n"}},
	} {
		if _, err := keyring.Open(made(t, test.by).Wrapped(), test.reader); !errors.Is(err, keyring.ErrKeys) {
			t.Errorf("%s: %v, want ErrKeys", name, err)
		} else {
			showsNothing(t, name, err, test.by, test.reader)
		}
	}
	for name, keys := range map[string]keyring.Keys{
		"no keys":                 {},
		"an identity alone":       {Identities: to.Identities},
		"no recipient":            {Recipients: []string{"age1nobody"}},
		"an identity as a public": {Recipients: []string{strings.Split(to.Identities, "\n")[1]}},
	} {
		if _, err := keyring.New(keys); !errors.Is(err, keyring.ErrKeys) {
			t.Errorf("new ring: %s: %v, want ErrKeys", name, err)
		} else {
			showsNothing(t, name, err, keys, keyring.Keys{})
		}
	}
}

// showsNothing checks that no part of a key is in the error.
func showsNothing(t *testing.T, name string, err error, keys ...keyring.Keys) {
	t.Helper()
	said := fmt.Sprintf("%v %+v %#v", err, err, err)
	for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
		said += fmt.Sprintf(" %v %#v", e, e)
	}
	for _, k := range keys {
		for _, line := range append(strings.Split(k.Identities, "\n"), k.Passphrase) {
			if strings.HasPrefix(line, "#") || len(line) < 5 {
				continue
			}
			// A part is too much as well.
			for i := 0; i+12 < len(line); i++ {
				part := line[i : i+12]
				if strings.Contains(strings.ToUpper(said), strings.ToUpper(part)) && !strings.Contains("AGE-SECRET-KEY-1", part) {
					t.Errorf("%s: the error shows %q: %s", name, part, said)
					break
				}
			}
			if strings.Contains(said, line) {
				t.Errorf("%s: the error shows %q: %s", name, line, said)
			}
		}
	}
}

func TestWhatWasChangedOrPutElsewhereIsRefused(t *testing.T) {
	keys := recipient(t)
	ring := made(t, keys)
	one, two := ring.Seal("entry 1", []byte(secret)), ring.Seal("entry 2", []byte("another"))
	refused := func(what, name string, sealed []byte) {
		t.Helper()
		if plain, err := ring.Unseal(name, sealed); !errors.Is(err, keyring.ErrKeys) || plain != nil {
			t.Errorf("%s: %q, %v, want ErrKeys", what, plain, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows what was sealed: %v", what, err)
		}
	}
	refused("swapped", "entry 1", two)
	refused("swapped", "entry 2", one)
	refused("without a name", "", one)
	for i := range one {
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(one)
			bad[i] ^= flip
			refused(fmt.Sprintf("byte %d of %d changed", i, len(one)), "entry 1", bad)
		}
		refused(fmt.Sprintf("cut to %d of %d bytes", i, len(one)), "entry 1", one[:i])
	}
	refused("longer", "entry 1", append(bytes.Clone(one), 0))
	refused("in clear", "entry 1", []byte(secret))
	refused("of another ring", "entry 1", made(t, keys).Seal("entry 1", []byte(secret)))

	wrapped := ring.Wrapped()
	for i := 0; i < len(wrapped); i += 3 {
		bad := bytes.Clone(wrapped)
		bad[i] ^= 1
		if _, err := keyring.Open(bad, keys); !errors.Is(err, keyring.ErrKeys) {
			t.Errorf("byte %d of the ring changed: %v, want ErrKeys", i, err)
		}
		if _, err := keyring.Open(wrapped[:i], keys); !errors.Is(err, keyring.ErrKeys) {
			t.Errorf("the ring cut to %d bytes: %v, want ErrKeys", i, err)
		}
	}
}

func TestRotateReadsTheOldAndRetireForgetsIt(t *testing.T) {
	before, after := recipient(t), recipient(t)
	first := made(t, before)
	old := first.Seal("a", []byte("old"))
	if !first.Current(old) {
		t.Error("what was sealed just now is not current")
	}
	second, err := first.Rotate(after)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(second.Wrapped(), before); !errors.Is(err, keyring.ErrKeys) {
		t.Errorf("the old identity opens the new ring: %v", err)
	}
	second = opened(t, second.Wrapped(), after)
	unsealed(t, second, "a", old, "old")
	fresh := second.Seal("a", []byte("new"))
	if second.Current(old) || !second.Current(fresh) {
		t.Error("the old is current, or the new is not")
	}
	if _, err := first.Unseal("a", fresh); !errors.Is(err, keyring.ErrKeys) {
		t.Errorf("the old ring opens what the new one has sealed: %v", err)
	}
	third, err := second.Retire(after)
	if err != nil {
		t.Fatal(err)
	}
	third = opened(t, third.Wrapped(), after)
	unsealed(t, third, "a", fresh, "new")
	if _, err := third.Unseal("a", old); !errors.Is(err, keyring.ErrKeys) {
		t.Errorf("a key that was retired still opens: %v", err)
	}
	for name, ring := range map[string]*keyring.Ring{"rotated": second, "retired": third} {
		if ring.Label("a.b") != first.Label("a.b") {
			t.Errorf("%s: the label has changed", name)
		}
	}
	// Whoever has the ring of before reads on what it has sealed.
	unsealed(t, opened(t, first.Wrapped(), before), "a", old, "old")
}

func TestLabelsTellNothingAndDiffer(t *testing.T) {
	ring, other := made(t, recipient(t)), made(t, recipient(t))
	seen := map[string]bool{}
	for _, name := range []string{"", "a", "b", "helm.tool-1", "helm.tool-2"} {
		label := ring.Label(name)
		if seen[label] || len(label) != 52 || name != "" && strings.Contains(strings.ToLower(label), "tool") {
			t.Errorf("label of %q: %q", name, label)
		}
		if label == other.Label(name) {
			t.Errorf("two rings give %q one label", name)
		}
		seen[label] = true
	}
}

func TestNoRingKeepsEverythingAsItIs(t *testing.T) {
	var none *keyring.Ring
	if got := none.Seal("a", []byte("text")); string(got) != "text" {
		t.Errorf("seal: %q", got)
	}
	unsealed(t, none, "a", []byte("text"), "text")
	if none.Label("helm.tool-1") != "helm.tool-1" || none.Wrapped() != nil || none.Current([]byte("text text")) {
		t.Error("it is not as if there were none")
	}
	if retired, err := none.Retire(keyring.Keys{}); retired != nil || err != nil {
		t.Errorf("retire: %v, %v", retired, err)
	}
	first, err := none.Rotate(keyring.Keys{Passphrase: "horse"})
	if err != nil {
		t.Fatal(err)
	}
	unsealed(t, first, "a", first.Seal("a", []byte("text")), "text")
	if !(keyring.Keys{}).IsZero() || (keyring.Keys{Passphrase: "x"}).IsZero() {
		t.Error("IsZero")
	}
}

package registry

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/payload"
)

// author has a key.
type author struct {
	signature.Signer
	// public is in PEM.
	public string
}

func newAuthor(t testing.TB, private crypto.PrivateKey, err error) author {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signature.LoadSigner(private, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	public, err := signer.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := cryptoutils.MarshalPublicKeyToPEM(public)
	if err != nil {
		t.Fatal(err)
	}
	return author{signer, string(text)}
}

func anAuthor(t testing.TB) author {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return newAuthor(t, key, err)
}

// blob signs as cosign sign-blob does.
func (a author) blob(t testing.TB, data []byte) []byte {
	t.Helper()
	raw, err := a.SignMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(raw))
}

func TestASignedListIsChecked(t *testing.T) {
	a, b := anAuthor(t), anAuthor(t)
	for name, k := range map[string]struct {
		sign  func(s *site, list string)
		words string
	}{
		"right":          {func(s *site, list string) { s.files[list+".sig"] = append(a.blob(t, s.files[list]), '\n') }, ""},
		"missing":        {func(*site, string) {}, "SHA256SUMS is not signed"},
		"of another key": {func(s *site, list string) { s.files[list+".sig"] = b.blob(t, s.files[list]) }, "is not the key's"},
		"of other bytes": {func(s *site, list string) { s.files[list+".sig"] = a.blob(t, []byte("x")) }, "is not the key's"},
		"no base64":      {func(s *site, list string) { s.files[list+".sig"] = []byte("<html>") }, "not in base64"},
		"empty":          {func(s *site, list string) { s.files[list+".sig"] = nil }, "is not the key's"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			s.release(t, "0.1.0", here, "darwin/arm64")
			k.sign(s, "0.1.0/"+sumsName)
			wish := s.wish("0.1.0")
			wish.Key = a.public
			if k.words != "" {
				w.refuses(wish, k.words)
				// Without a key nobody asks.
				wish.Key = ""
				w.init(wish)
				return
			}
			w.init(wish)
			if e := w.lock().Plugins["greeting"]; !validDigest(e.Key) {
				t.Errorf("locked %s", asJSON(e))
			}
			// The same key as a file is the same key.
			if err := os.WriteFile(filepath.Join(w.Dir, "cosign.pub"), []byte(a.public), 0o644); err != nil {
				t.Fatal(err)
			}
			wish.Key = "cosign.pub"
			if result := w.init(wish); result.Changed() {
				t.Errorf("result %+v", result)
			}
			wish.Key = b.public
			w.refuses(wish, "key: dtm.lock has sha256:", "dtm init --upgrade")
			wish.Key = ""
			w.refuses(wish, "the configuration says none")
			w.Upgrade = true
			wish.Key = b.public
			w.refuses(wish, "is not the key's")
		})
	}
}

func TestASignedArchiveIsCheckedWhereThereIsNoList(t *testing.T) {
	rsaKey, rsaErr := rsa.GenerateKey(rand.Reader, 2048)
	_, edKey, edErr := ed25519.GenerateKey(rand.Reader)
	b := anAuthor(t)
	for name, a := range map[string]author{"ECDSA": anAuthor(t), "RSA": newAuthor(t, rsaKey, rsaErr), "Ed25519": newAuthor(t, edKey, edErr)} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t)
			data := plugin("greeting", "0.1.0").packed(t)
			s.files["x.tgz"] = data
			wish := Wish{Name: "greeting", Source: s.URL + "/x.tgz", Key: a.public}
			w.refuses(wish, "x.tgz is not signed", "without a signature")
			s.files["x.tgz.sig"] = b.blob(t, data)
			w.refuses(wish, "the signature of x.tgz is not the key's")
			s.files["x.tgz.sig"] = a.blob(t, data)
			w.init(wish)
			s.files["x.tgz"] = plugin("greeting", "0.1.0").with("run", "xevil").packed(t)
			fresh := newWorld(t)
			fresh.refuses(wish, "the signature of x.tgz is not the key's")
		})
	}
}

func TestASignedArtifactIsChecked(t *testing.T) {
	h := newHub(t, "", "")
	setup := newWorld(t)
	a, b := anAuthor(t), anAuthor(t)
	sign := func(who author, tagOf, about string, change func([]byte) []byte) {
		ref, err := name.NewDigest(h.host() + "/plugins/greeting@" + about)
		if err != nil {
			t.Fatal(err)
		}
		text, err := payload.Cosign{Image: ref}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		layer := blobOf(signatureType, text)
		layer.Annotations = map[string]string{signatureAnnotation: string(who.blob(t, change(text)))}
		h.put(setup.Options, ocispec.MediaTypeImageManifest, strings.Replace(tagOf, ":", "-", 1)+".sig", ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.DescriptorEmptyJSON,
			Layers: []ocispec.Descriptor{layer},
		}, text)
	}
	as := func(text []byte) []byte { return text }
	other := h.release(setup.Options, "0.0.1", here)
	for i, k := range []struct {
		name  string
		sign  func(digest string)
		words string
	}{
		{"right", func(d string) { sign(a, d, d, as) }, ""},
		{"missing", func(string) {}, "is not signed"},
		{"of another key", func(d string) { sign(b, d, d, as) }, "is not the key's"},
		{"of another artifact", func(d string) { sign(a, d, other, as) }, "is that of another one"},
		{"of other bytes", func(d string) { sign(a, d, d, func([]byte) []byte { return []byte("x") }) }, "is not the key's"},
	} {
		t.Run(k.name, func(t *testing.T) {
			version := fmt.Sprintf("0.1.%d", i)
			w := newWorld(t)
			k.sign(h.release(w.Options, version, here, "darwin/arm64"))
			wish := h.wish(version)
			wish.Key = a.public
			if k.words != "" {
				w.refuses(wish, k.words)
				return
			}
			w.init(wish)
			if e := w.lock().Plugins["greeting"]; !validDigest(e.Key) {
				t.Errorf("locked %s", asJSON(e))
			}
		})
	}
}

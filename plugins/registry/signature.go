package registry

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/devstream-io/dtm/plugins"
)

// Signatures are cosign's, made with a key and not with an identity: `cosign sign-blob --key` for archives, `cosign sign
// --key` for registries, both in the form that came before its bundles (--new-bundle-format=false).
const (
	signatureType       = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureAnnotation = "dev.cosignproject.cosign/signature"
)

// key is the public key that the configuration names for a plugin.
type key struct {
	verifier signature.Verifier
	// digest is that of the key itself.
	digest string
}

// keyOf reads the key of a wish, nil where it names none.
func (o Options) keyOf(w Wish) (*key, error) {
	if w.Key == "" {
		return nil, nil
	}
	text, what := []byte(w.Key), "key"
	if !strings.Contains(w.Key, "-----BEGIN") {
		var err error
		what = "key " + w.Key
		if text, err = readText(o.at(w.Key)); err != nil {
			return nil, plugins.Hinted(fmt.Errorf("key: %w", err), "`key` is a public key in PEM, or the path of its file, which starts at the folder of the configuration")
		}
	}
	if bytes.Contains(text, []byte("PRIVATE KEY")) {
		return nil, plugins.Hinted(errors.New("key: it is a private key"), "`key` is the public one, as in cosign.pub")
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(text)
	if err != nil {
		return nil, plugins.Hinted(fmt.Errorf("%s: it is no public key in PEM", what), "`cosign public-key --key cosign.key` prints one")
	}
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	der, err := cryptoutils.MarshalPublicKeyToDER(public)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	sum := sha256.Sum256(der)
	return &key{verifier, "sha256:" + hex.EncodeToString(sum[:])}, nil
}

// digestOrNone is the key's, empty for no key.
func (k *key) digestOrNone() string {
	if k == nil {
		return ""
	}
	return k.digest
}

const signatureHint = "either it was changed, or `key` is not the key it was signed with: ask its author, and do not use it until then"

// checkBlob checks a signature as cosign sign-blob writes it: base64, over the bytes of a file.
func (k *key) checkBlob(what string, encoded []byte, content io.Reader) error {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(encoded)))
	if err != nil {
		return plugins.Hinted(fmt.Errorf("the signature of %s is not in base64", what), "`cosign sign-blob --key` makes it")
	}
	if err := k.verifier.VerifySignature(bytes.NewReader(raw), content); err != nil {
		return plugins.Hinted(fmt.Errorf("the signature of %s is not the key's", what), signatureHint)
	}
	return nil
}

// unsigned is the error of a plugin that must be signed and is not.
func unsigned(what string) error {
	return plugins.Hinted(fmt.Errorf("%s is not signed", what), "the configuration names a `key` for it: without a signature it is not installed")
}

// checkArtifact checks what an OCI registry has under a digest against the signatures it has of it. One that is the key's
// is enough.
func (k *key) checkArtifact(ctx context.Context, r *repository, digest string) error {
	tag := strings.Replace(digest, ":", "-", 1) + ".sig"
	_, data, err := r.manifest(ctx, tag)
	if errors.Is(err, plugins.ErrNotFound) {
		return unsigned("the artifact " + digest)
	}
	if err != nil {
		return fmt.Errorf("its signature: %w", err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("its signature: %w", err)
	}
	var last error
	for _, layer := range m.Layers {
		if encoded, ok := layer.Annotations[signatureAnnotation]; ok && layer.MediaType == signatureType {
			payload, err := r.small(ctx, layer)
			if err != nil {
				return fmt.Errorf("its signature: %w", err)
			}
			if last = k.checkPayload(digest, []byte(encoded), payload); last == nil {
				return nil
			}
		}
	}
	if last != nil {
		return last
	}
	return unsigned("the artifact " + digest)
}

// checkPayload checks what cosign signs instead of an artifact: a text that names its digest.
func (k *key) checkPayload(digest string, encoded, payload []byte) error {
	if err := k.checkBlob("the artifact "+digest, encoded, bytes.NewReader(payload)); err != nil {
		return err
	}
	var said struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		return fmt.Errorf("the signature of the artifact %s: %w", digest, err)
	}
	if said.Critical.Type != "cosign container image signature" || said.Critical.Image.Digest != digest {
		return plugins.Hinted(fmt.Errorf("the signature of the artifact %s is that of another one", digest), signatureHint)
	}
	return nil
}

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	ocidigest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/devstream-io/dtm/plugins"
)

// Push publishes archives, each a tar.gz that [Pack] made of one version, by platform ("os/arch"), at an oci:// reference,
// and returns the digest that `cosign sign` is to be given. The version is the tag. Under the platform "any" there may be
// one archive alone. A version that is there already is an error, unless it is the same.
func Push(ctx context.Context, o Options, to string, archives map[string]string) (version, digest string, err error) {
	o = o.with()
	src, err := parseSource(to)
	if err != nil {
		return "", "", err
	}
	if src.kind != inRegistry {
		return "", "", plugins.Hinted(fmt.Errorf("%s is no registry", to), "it looks like oci://registry.example.org/folder/name")
	}
	if _, ok := archives[anyPlatform]; len(archives) == 0 || ok && len(archives) > 1 {
		return "", "", fmt.Errorf("there is either an archive for each platform, or one for %q", anyPlatform)
	}
	r, err := o.repository(src.ref)
	if err != nil {
		return "", "", err
	}
	var manifest Manifest
	packed := map[string][]byte{}
	for _, platform := range slices.Sorted(maps.Keys(archives)) {
		if !platformName.MatchString(platform) {
			return "", "", fmt.Errorf("%q is no platform: it takes os/arch, as in linux/amd64", platform)
		}
		m, data, err := o.look(ctx, archives[platform])
		if err != nil {
			return "", "", fmt.Errorf("%s: %w", archives[platform], err)
		}
		if len(packed) > 0 && (m.Name != manifest.Name || m.Version != manifest.Version) {
			return "", "", fmt.Errorf("%s is %s %s, another one is %s %s", archives[platform], m.Name, m.Version, manifest.Name, manifest.Version)
		}
		manifest, packed[platform] = m, data
	}
	root, data, err := r.push(ctx, packed)
	if err != nil {
		return "", "", r.pushed(ctx, err)
	}
	tag := strings.ReplaceAll(manifest.Version, "+", "_")
	if there, err := r.repo.Resolve(ctx, tag); err == nil && there.Digest != root.Digest {
		return "", "", plugins.Hinted(fmt.Errorf("%s already has version %s, and it is another one", to, manifest.Version),
			"a version that was published stays as it is: choose the next one")
	}
	if err := r.repo.PushReference(ctx, root, bytes.NewReader(data), tag); err != nil {
		return "", "", r.pushed(ctx, err)
	}
	return manifest.Version, root.Digest.String(), nil
}

func (r *repository) pushed(ctx context.Context, err error) error {
	return fmt.Errorf("publishing: %w", r.explain(ctx, err))
}

// look reads an archive and checks that it can be installed.
func (o Options) look(ctx context.Context, file string) (Manifest, []byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Manifest{}, nil, err
	}
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return Manifest{}, nil, plugins.Hinted(errors.New("it is no tar.gz"), "`dtm develop pack` makes one")
	}
	dir, err := os.MkdirTemp("", "dtm-push-")
	if err != nil {
		return Manifest{}, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Manifest{}, nil, err
	}
	defer root.Close()
	if err := unpack(ctx, bytes.NewReader(data), int64(len(data)), root, o.limits); err != nil {
		return Manifest{}, nil, err
	}
	m, err := ReadManifest(dir)
	if err == nil {
		err = m.Check(dir)
	}
	if err != nil {
		err = below(err, dir)
	}
	return m, data, err
}

// push puts everything there but the tag, and returns what the tag is to name. The same archives make the same bytes.
func (r *repository) push(ctx context.Context, packed map[string][]byte) (ocispec.Descriptor, []byte, error) {
	empty := ocispec.DescriptorEmptyJSON
	if err := r.upload(ctx, empty, empty.Data); err != nil {
		return empty, nil, err
	}
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, ArtifactType: artifactType}
	for _, platform := range slices.Sorted(maps.Keys(packed)) {
		layer := ocispec.Descriptor{MediaType: layerType, Digest: ocidigest.FromBytes(packed[platform]), Size: int64(len(packed[platform]))}
		if err := r.upload(ctx, layer, packed[platform]); err != nil {
			return layer, nil, err
		}
		m := ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
			Config: empty, Layers: []ocispec.Descriptor{layer},
		}
		d, data, err := described(ocispec.MediaTypeImageManifest, m)
		if err != nil {
			return d, nil, err
		}
		d.ArtifactType = artifactType
		if platform == anyPlatform {
			return d, data, nil
		}
		if err := r.upload(ctx, d, data); err != nil {
			return d, nil, err
		}
		system, machine, _ := strings.Cut(platform, "/")
		d.Platform = &ocispec.Platform{OS: system, Architecture: machine}
		index.Manifests = append(index.Manifests, d)
	}
	d, data, err := described(ocispec.MediaTypeImageIndex, index)
	return d, data, err
}

func described(mediaType string, v any) (ocispec.Descriptor, []byte, error) {
	data, err := json.Marshal(v)
	return ocispec.Descriptor{MediaType: mediaType, Digest: ocidigest.FromBytes(data), Size: int64(len(data))}, data, err
}

func (r *repository) upload(ctx context.Context, d ocispec.Descriptor, data []byte) error {
	if there, err := r.repo.Exists(ctx, d); err != nil || there {
		return err
	}
	return r.repo.Push(ctx, d, bytes.NewReader(data))
}

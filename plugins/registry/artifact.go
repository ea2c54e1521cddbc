package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	ocidigest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/devstream-io/dtm/plugins"
)

// A plugin in an OCI registry is an image index with a manifest for each platform, or one manifest for all of them. Each
// manifest has one layer, the archive.
const (
	artifactType = "application/vnd.devstream.dtm.plugin.v1"
	layerType    = "application/vnd.devstream.dtm.plugin.v1.tar+gzip"

	// mostManifests is how many an index may have: more than there are platforms, with as many attestations.
	mostManifests = 200
)

// find looks a version up: exact, if that is not empty, or the newest that fits the constraint.
func (r *repository) find(ctx context.Context, constraint, exact string) (version string, d ocispec.Descriptor, data []byte, err error) {
	if exact != "" {
		// Tags cannot have a plus.
		d, data, err = r.manifest(ctx, strings.ReplaceAll(exact, "+", "_"))
		if !errors.Is(err, plugins.ErrNotFound) {
			return exact, d, data, err
		}
	}
	tags, failed := r.tags(ctx)
	if failed != nil {
		return "", d, nil, failed
	}
	version, tag, err := newest(tags, constraint, exact)
	if err != nil {
		return "", d, nil, err
	}
	d, data, err = r.manifest(ctx, tag)
	return version, d, data, err
}

// offer is what the registry has of a version.
func (r *repository) offer(ctx context.Context, constraint, exact string, k *key) (offer, error) {
	version, d, data, err := r.find(ctx, constraint, exact)
	if err != nil {
		return offer{}, err
	}
	if k != nil {
		if err := k.checkArtifact(ctx, r, d.Digest.String()); err != nil {
			return offer{}, err
		}
	}
	found := offer{version: version, platforms: map[string]Platform{}}
	switch d.MediaType {
	case ocispec.MediaTypeImageManifest:
		p, err := platformOf(d.Digest, data)
		found.platforms[anyPlatform] = p
		return found, err
	case ocispec.MediaTypeImageIndex:
	default:
		return offer{}, noPlugin(fmt.Sprintf("it is a %s", d.MediaType))
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return offer{}, noPlugin(err.Error())
	}
	// Each of them is asked for.
	if len(index.Manifests) > mostManifests {
		return offer{}, noPlugin(fmt.Sprintf("it has %d manifests", len(index.Manifests)))
	}
	for _, m := range index.Manifests {
		if m.Platform == nil || m.Platform.OS == "unknown" {
			continue
		}
		name := m.Platform.OS + "/" + m.Platform.Architecture
		if !platformName.MatchString(name) {
			return offer{}, noPlugin(fmt.Sprintf("%q is no platform", name))
		}
		if _, taken := found.platforms[name]; taken {
			return offer{}, noPlugin(name + " is in it twice")
		}
		_, data, err := r.manifest(ctx, m.Digest.String())
		if err != nil {
			return offer{}, err
		}
		if found.platforms[name], err = platformOf(m.Digest, data); err != nil {
			return offer{}, err
		}
	}
	if len(found.platforms) == 0 {
		return offer{}, noPlugin("it has no platforms")
	}
	return found, nil
}

// platformOf reads a manifest.
func platformOf(digest ocidigest.Digest, data []byte) (Platform, error) {
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Platform{}, noPlugin(err.Error())
	}
	switch {
	case m.ArtifactType != artifactType:
		return Platform{}, noPlugin(fmt.Sprintf("its type is %q", m.ArtifactType))
	case len(m.Layers) != 1 || m.Layers[0].MediaType != layerType:
		return Platform{}, noPlugin("it must have one layer, " + layerType)
	case !validDigest(m.Layers[0].Digest.String()) || !validDigest(digest.String()):
		return Platform{}, noPlugin("its digests are no SHA-256")
	}
	return Platform{Archive: m.Layers[0].Digest.String(), Manifest: digest.String()}, nil
}

func noPlugin(why string) error {
	return plugins.Hinted(fmt.Errorf("what the registry has is no plugin of dtm: %s", why), "its type is "+artifactType+"; is `source` an image?")
}

package scaffold

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/devstream-io/dtm/plugins"
)

// maxArchive is how many bytes an archive may have.
const maxArchive = 32 << 20

// archive reads an archive from its URL. It is kept by its checksum, and asked for again only when it is gone.
func (t templates) archive(ctx context.Context, from, checksum string) (template, error) {
	sum, ok := strings.CutPrefix(strings.ToLower(checksum), "sha256:")
	if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size {
		return template{}, plugins.Hinted(
			errors.New("an archive needs its checksum"),
			"templateChecksum is \"sha256:\" and 64 hexadecimal digits, as `sha256sum` prints them",
		)
	}
	kept := filepath.Join(t.env.Cache, "templates", sum)
	data, err := os.ReadFile(kept)
	if err != nil || sumOf(data) != sum {
		if data, err = t.download(ctx, from); err != nil {
			return template{}, err
		}
		if got := sumOf(data); got != sum {
			return template{}, plugins.Hinted(
				fmt.Errorf("its checksum is sha256:%s, and not sha256:%s", got, sum),
				"either it was changed there, or templateChecksum is of another one: look at it before you trust it",
			)
		}
		keep(kept, data)
	}
	files, err := unpack(data)
	return template{origin: Origin{Version: "sha256:" + sum}, files: files}, err
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// keep keeps an archive for the next time. Where that cannot be done it is had again.
func keep(file string, data []byte) {
	if os.MkdirAll(filepath.Dir(file), 0o700) == nil {
		_ = renameio.WriteFile(file, data, 0o600)
	}
}

func (t templates) download(ctx context.Context, from string) ([]byte, error) {
	u, err := url.Parse(from)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	if u.User != nil {
		return nil, errors.New("the URL has a user or a password in it, which would be kept and shown")
	}
	plugins.Report(ctx, "fetching the template from "+u.Host)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	resp, err := t.env.HTTP.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // it would name the whole URL
		}
		return nil, passing(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests:
		return nil, plugins.Retryable(fmt.Errorf("%s says %s", u.Host, resp.Status), 0)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s says %s", u.Host, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxArchive+1))
	if err != nil {
		return nil, passing(ctx, err)
	}
	if len(data) > maxArchive {
		return nil, fmt.Errorf("the archive is larger than %d MiB", maxArchive>>20)
	}
	return data, nil
}

// passing marks an error of the network as one that may pass, unless it is that nobody waits any more.
func passing(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return plugins.Retryable(err, 0)
}

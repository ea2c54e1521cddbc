package workflow

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
	"time"

	"github.com/devstream-io/dtm/plugins"
)

// source is where templates come from.
type source struct{ env plugins.Env }

// A template is asked for once, for at most so long, and may have at most so many bytes.
const (
	patience    = 30 * time.Second
	maxTemplate = 1 << 20
)

// read gets a template by its URL, or its path from the folder of the configuration. sum is what its SHA-256 has to be, ""
// for anything.
func (s source) read(ctx context.Context, from, sum string) ([]byte, error) {
	get := s.open
	if strings.HasPrefix(from, "https://") || strings.HasPrefix(from, "http://") {
		get = s.download
	}
	text, err := get(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", shown(from), err)
	}
	if got := sha256.Sum256(text); sum != "" && hex.EncodeToString(got[:]) != strings.ToLower(sum) {
		return nil, plugins.Hinted(fmt.Errorf("template %s: its SHA-256 is %x, not %s", shown(from), got, sum),
			"if the change of the template is wanted, write the new checksum into the options")
	}
	return text, nil
}

func (s source) open(_ context.Context, path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.env.Dir, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return short(f)
}

func (s source) download(ctx context.Context, address string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := s.fetch(limited, address)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return nil, plugins.Retryable(fmt.Errorf("no answer within %s", patience), 0)
	}
	return text, err
}

func (s source) fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("it is not a URL")
	}
	response, err := s.env.HTTP.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the address may have a password, and is named already
		}
		return nil, plugins.Retryable(err, 0)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		err := plugins.Hinted(errors.New("the server answers "+response.Status), "is the URL that of the template itself, and may everybody read it?")
		if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
			return nil, plugins.Retryable(err, 0)
		}
		return nil, err
	}
	text, err := short(response.Body)
	if err != nil && !errors.Is(err, errLong) {
		return nil, plugins.Retryable(err, 0)
	}
	return text, err
}

var errLong = errors.New("it has more than 1 MiB")

// short reads all that there is, which is not much.
func short(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTemplate+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxTemplate {
		return nil, errLong
	}
	return text, nil
}

// shown is an address without what may be secret in it.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

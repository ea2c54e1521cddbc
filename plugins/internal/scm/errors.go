package scm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/devstream-io/dtm/plugins"
)

// also is err, and one of the errors that callers ask for.
type also struct{ err, is error }

func (e *also) Error() string   { return e.err.Error() }
func (e *also) Unwrap() []error { return []error{e.err, e.is} }

// changed says that a branch is not where a change of it begins. head is where it is, "" if it is gone.
func changed(path Path, branch, head string) error {
	if head == "" {
		return fmt.Errorf("branch %s of %s is not there: %w", branch, path, ErrChanged)
	}
	return fmt.Errorf("branch %s of %s is at %.12s: %w", branch, path, head, ErrChanged)
}

// explainNetwork makes an error of a request without an answer into one for the user. what is what was tried, as in "create
// repository acme/hello", and where the host. The method and the address are in what net/http says.
func explainNetwork(what, where string, err error) error {
	err = fmt.Errorf("%s on %s: %w", what, where, err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, known := plugins.RetryAfter(err); known {
		return err
	}
	var elsewhere *elsewhereError
	var request *url.Error
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return plugins.Hinted(err, "is "+where+" the right server, and does this machine trust its certificate authority?")
	}
	if errors.As(err, &elsewhere) || errors.Is(err, errCircle) || errors.Is(err, errHuge) || !errors.As(err, &request) {
		return err
	}
	return plugins.Retryable(plugins.Hinted(err, "is "+where+" up, can it be reached from here, and is the base URL the right one?"), 0)
}

// checkChange tells what is wrong with the paths of a change, so that no service has to: one that leaves the repository, or
// is Git's own.
func checkChange(change Change) error {
	for file := range change.Put {
		if err := checkFile(file); err != nil {
			return err
		}
	}
	for _, file := range change.Remove {
		if err := checkFile(file); err != nil {
			return err
		}
		if _, put := change.Put[file]; put {
			return fmt.Errorf("file %q is both to be there and to be gone", file)
		}
	}
	return nil
}

func checkFile(file string) error {
	clean := file != "" && utf8.ValidString(file) && !strings.HasPrefix(file, "/") && path.Clean(file) == file && file != "." && file != ".." && !strings.HasPrefix(file, "../")
	if !clean || strings.ContainsAny(file, "\\\x00\n") {
		return fmt.Errorf("file %q is not a path inside a repository", file)
	}
	for part := range strings.SplitSeq(file, "/") {
		if strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1") { // the same on Windows
			return fmt.Errorf("file %q is Git's own", file)
		}
	}
	return nil
}

// checkBranch follows `git check-ref-format --branch`.
func checkBranch(branch string) error {
	bad := branch == "" || branch == "@" || strings.HasPrefix(branch, "-") || strings.HasPrefix(branch, "/") || strings.HasSuffix(branch, "/") ||
		strings.HasSuffix(branch, ".") || strings.Contains(branch, "..") || strings.Contains(branch, "//") || strings.Contains(branch, "@{") ||
		strings.ContainsAny(branch, " ~^:?*[\\") || strings.ContainsFunc(branch, func(r rune) bool { return r < ' ' || r == 0x7f })
	for part := range strings.SplitSeq(branch, "/") {
		bad = bad || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return plugins.Hinted(fmt.Errorf("%q is no name of a branch", branch), "`git check-ref-format --branch NAME` says which are")
	}
	return nil
}

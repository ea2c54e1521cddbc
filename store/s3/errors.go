package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

var (
	errOptions    = errors.New("the options are not complete")
	errRegion     = errors.New("the region of the bucket is not known")
	errConditions = errors.New("the server ignores the conditions of writes (If-None-Match, If-Match), so nothing would keep two dtm apart")
	errLost       = errors.New("the lock was lost: another dtm has taken it over, or it was removed")
	errHeadless   = fmt.Errorf("%w: there is a journal, but no %s: was the store emptied by hand?", store.ErrCorrupt, headName)
	errClear      = fmt.Errorf("%w: the store is not encrypted", keyring.ErrKeys)
	errSealed     = fmt.Errorf("%w: the store is encrypted, and no keys were given", keyring.ErrKeys)
	errEntries    = fmt.Errorf("the store has entries already: %w", fs.ErrExist)
	errBusy       = errors.New("others write the same object all the time")
	errWritten    = errors.New("another dtm has written to the journal")
)

// problem is an error with a hint.
type problem struct {
	text string
	err  error
	hint string
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.err }

// Hint says what the user can do about it.
func (p *problem) Hint() string { return p.hint }

// damaged is what the checks return; the address is added at the edge of the package.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrCorrupt, fmt.Sprintf(format, args...))
}

// goneError says that an object is missing: it is damage, unless it was pruned in the meantime.
type goneError struct{ text string }

func (e *goneError) Error() string { return fmt.Sprintf("%s: %s", store.ErrCorrupt, e.text) }
func (e *goneError) Unwrap() error { return store.ErrCorrupt }

// requestError is a request that failed, without what the SDK tells about itself.
type requestError struct {
	doing, name string
	err         error
}

func (e *requestError) Error() string {
	var api smithy.APIError
	text := ""
	if errors.As(e.err, &api) {
		if text = api.ErrorCode(); api.ErrorMessage() != "" {
			text += ": " + api.ErrorMessage()
		}
	} else {
		text = e.err.Error()
		var op *smithy.OperationError
		if errors.As(e.err, &op) {
			text = op.Err.Error()
		}
	}
	return fmt.Sprintf("%s %s: %s", e.doing, e.name, text)
}

func (e *requestError) Unwrap() error { return e.err }

func failed(ctx context.Context, doing, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &requestError{doing: doing, name: name, err: err}
}

// explain adds the address, and a hint where the user can act.
func (s *Store) explain(err error) error { return explain(s.client.place, err) }

func explain(place string, err error) error {
	if err == nil {
		return nil
	}
	var done *problem
	var locked *store.LockedError
	if errors.As(err, &done) || errors.As(err, &locked) {
		return err
	}
	return &problem{text: place + ": " + err.Error(), err: err, hint: hint(place, err)}
}

func hint(place string, err error) string {
	var profile config.SharedConfigProfileNotExistError
	switch {
	case errors.Is(err, errHeadless):
		return fmt.Sprintf("restore %s from a backup or its earlier version; to start over instead, remove everything below %s/ or move it away, but then dtm no longer knows what it has made, and will not delete it", headName, place)
	case errors.Is(err, errClear):
		return "`dtm state rekey` encrypts it"
	case errors.Is(err, keyring.ErrKeys):
		return "state.encryption in the configuration must say how to decrypt it"
	case errors.Is(err, store.ErrCorrupt):
		return fmt.Sprintf("restore the objects below %s/ from a backup or their earlier versions; without them the folder can be moved away to start over, but then dtm no longer knows what it has made, and will not delete it", place)
	case errors.Is(err, store.ErrStale), errors.Is(err, errWritten):
		return "make a new plan"
	case errors.Is(err, store.ErrNewer):
		return "use the newer dtm; this one has changed nothing"
	case errors.Is(err, errConditions), codeOf(err) == "NotImplemented":
		return "use a newer version of the server, or another one; nothing was recorded"
	case errors.Is(err, errLost):
		return "what was recorded is kept; make a new plan once the other has finished"
	case errors.Is(err, errRegion):
		return "give the region, or set AWS_REGION"
	case errors.As(err, &profile):
		return "look into ~/.aws/config and ~/.aws/credentials"
	}
	switch code := codeOf(err); code {
	case "NoSuchBucket":
		return "create the bucket, or correct its name, region or endpoint"
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthFailure", "InvalidToken", "XAdminUserNotFound":
		return "the server does not know these credentials: look at AWS_PROFILE, AWS_ACCESS_KEY_ID and the files below ~/.aws"
	case "ExpiredToken", "TokenRefreshRequired":
		return "log in again: the credentials have expired"
	case "AccessDenied", "Forbidden", "AllAccessDisabled":
		return "the credentials need s3:GetObject and s3:PutObject below the key and s3:ListBucket on the bucket (with a KMS key its use, and s3:DeleteObject where history is to be deleted)"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return "the bucket is in another region: give that one"
	case "RequestTimeTooSkewed":
		return "set the clock of this machine"
	case "SlowDown", "ServiceUnavailable", "InternalError":
		return "the server is overloaded: run again later; what was recorded so far is kept"
	case "":
		if strings.Contains(err.Error(), "get identity: get credentials") || strings.Contains(err.Error(), "failed to refresh cached credentials") {
			return "there are no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in"
		}
		var request *requestError
		var canceled *aws.RequestCanceledError
		if errors.As(err, &request) && !errors.As(err, &canceled) {
			return "look at the endpoint and the network, then run again: what was recorded so far is kept"
		}
	}
	return ""
}

package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// errTaken is returned by put if the object is not as the condition says: somebody else has written it.
var errTaken = errors.New("somebody else has written it")

// errTorn is wrapped by get if the reply has begun and not ended.
var errTorn = errors.New("the reply broke off")

// readAttempts is how often a read is tried at most: what was typed wrong should not take long to show. A write is tried
// more often, for what has happened must be recorded.
const readAttempts = 3

// client reads and writes whole objects below a key.
type client struct {
	api                   *awss3.Client
	bucket, prefix, place string
	key                   string // as the user wrote it
	kms                   string
	readAttempts          int
	// ahead is by how many nanoseconds the server's clock is before this machine's, as its last reply said.
	ahead *atomic.Int64
}

func newClient(ctx context.Context, opts Options, tuning tuning) (*client, error) {
	c := &client{bucket: opts.Bucket, key: opts.Key, prefix: strings.Trim(opts.Key, "/") + "/", kms: opts.KMSKeyID, readAttempts: min(tuning.attempts, readAttempts), ahead: new(atomic.Int64)}
	c.place = "s3://" + c.bucket + "/" + strings.TrimSuffix(c.prefix, "/")
	switch {
	case opts.Bucket == "":
		return nil, &problem{text: "s3: the name of the bucket is missing", err: errOptions}
	case c.prefix == "/":
		return nil, &problem{text: c.place + ": the key is missing", err: errOptions, hint: "it is a folder of the bucket that nobody else uses, as in dtm/production"}
	}
	if u, err := url.Parse(opts.Endpoint); opts.Endpoint != "" && (err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http")) {
		// The text is not quoted: it may hold a password.
		return nil, &problem{text: c.place + ": the endpoint is not a URL", err: errOptions, hint: "write it as https://s3.example.com, without user and password"}
	}

	// The SDK would write to the terminal what it finds worth a warning.
	load := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if opts.Region != "" {
		load = append(load, config.WithRegion(opts.Region))
	}
	if opts.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(opts.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, explain(c.place, err)
	}
	// The SDK's own client waits for an answer for ever.
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		cfg.HTTPClient = b.WithTimeout(tuning.timeout)
	} else if cfg.HTTPClient == nil {
		cfg.HTTPClient = awshttp.NewBuildableClient().WithTimeout(tuning.timeout)
	}
	c.api = awss3.NewFromConfig(cfg, func(o *awss3.Options) {
		if opts.Endpoint != "" {
			o.BaseEndpoint = aws.String(opts.Endpoint)
		}
		o.UsePathStyle = opts.PathStyle
		if o.BaseEndpoint != nil {
			// Servers other than AWS refuse the checksums that the SDK adds unasked, and care little for regions.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
			if o.Region == "" {
				o.Region = "us-east-1"
			}
		}
		// AWS sends these two when two conditional writes of an object collide: neither has taken effect.
		o.Retryer = retry.AddWithErrorCodes(retry.NewStandard(func(so *retry.StandardOptions) {
			so.MaxAttempts, so.MaxBackoff = tuning.attempts, tuning.backoff
			// An error that breaks off cannot be told from any other.
			so.Retryables = append(so.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
				if errors.Is(err, io.ErrUnexpectedEOF) {
					return aws.TrueTernary
				}
				return aws.UnknownTernary
			}))
		}), "ConditionalRequestConflict", "OperationAborted")
	})
	if c.api.Options().Region == "" {
		return nil, explain(c.place, errRegion)
	}
	return c, nil
}

// root is the same for whole keys of the bucket.
func (c *client) root() *client {
	root := *c
	root.prefix = ""
	return &root
}

// object is one that was read.
type object struct {
	body []byte
	etag string
	// age is how long ago it was written, by the server's clock alone and to the second; 0 if the server does not say.
	age time.Duration
	// written is when, by the server's clock and to the second; zero if the server does not say.
	written time.Time
}

// get returns nil if there is no such object.
func (c *client) get(ctx context.Context, name string) (*object, error) {
	for attempt := 1; ; attempt++ {
		got, err := c.getOnce(ctx, name)
		// The SDK tries again what failed before the reply began, but not a body that broke off.
		if err == nil || !errors.Is(err, errTorn) || attempt >= c.readAttempts || ctx.Err() != nil {
			return got, err
		}
	}
}

func (c *client) getOnce(ctx context.Context, name string) (*object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out, err := c.api.GetObject(ctx, &awss3.GetObjectInput{Bucket: &c.bucket, Key: aws.String(c.prefix + name)},
		func(o *awss3.Options) { o.RetryMaxAttempts = c.readAttempts })
	if code := codeOf(err); code == "NoSuchKey" || code == "NotFound" {
		return nil, nil
	}
	if err != nil {
		return nil, failed(ctx, "read", name, err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, failed(ctx, "read", name, fmt.Errorf("%w: %w", errTorn, err))
	}
	got := &object{body: body, etag: aws.ToString(out.ETag)}
	if out.LastModified != nil {
		got.written = *out.LastModified
		if now, ok := c.heard(out.ResultMetadata); ok {
			got.age = now.Sub(got.written)
		}
	}
	return got, nil
}

// put writes an object and returns its new tag: one that must not exist yet if etag is empty, or that must be as it was
// read. Otherwise it wraps errTaken. A body must never be written twice (see nonce): when the reply to a write is lost and the
// second attempt finds the object taken, that its body is ours tells that it was taken by us; and tags are sums of
// bodies, so an old body that came back would look like the same object.
func (c *client) put(ctx context.Context, name string, body []byte, etag string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	in := &awss3.PutObjectInput{
		Bucket: &c.bucket, Key: aws.String(c.prefix + name),
		Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &etag
	}
	if c.kms != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &c.kms
	}
	out, err := c.api.PutObject(ctx, in)
	if err == nil {
		c.heard(out.ResultMetadata)
		return aws.ToString(out.ETag), nil
	}
	switch code := codeOf(err); {
	case code == "NoSuchKey" && etag != "":
		return "", fmt.Errorf("%s: %w", name, errTaken)
	case code != "PreconditionFailed":
		return "", failed(ctx, "write", name, err)
	}
	now, err := c.get(ctx, name)
	if err != nil {
		return "", err
	}
	if now != nil && bytes.Equal(now.body, body) {
		return now.etag, nil
	}
	return "", fmt.Errorf("%s: %w", name, errTaken)
}

// remove deletes an object. One that is not there is no error.
func (c *client) remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := c.api.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &c.bucket, Key: aws.String(c.prefix + name)},
		func(o *awss3.Options) { o.RetryMaxAttempts = c.readAttempts })
	if code := codeOf(err); err != nil && code != "NoSuchKey" && code != "NotFound" {
		return failed(ctx, "delete", name, err)
	}
	return nil
}

// heard takes the server's time from a reply.
func (c *client) heard(reply middleware.Metadata) (time.Time, bool) {
	now, ok := awsmiddleware.GetServerTime(reply)
	if ok {
		c.ahead.Store(int64(time.Until(now)))
	}
	return now, ok
}

// now is the server's time, to the second.
func (c *client) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())).UTC() }

// codeOf returns the server's word for what is wrong; empty if the server did not say or err is nil.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

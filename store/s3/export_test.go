package s3

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// Tuning is what only tests change; zero fields are as in the program.
type Tuning struct {
	Lease       time.Duration
	Attempts    int
	FoldEntries int
	// ClosingEntries is FoldEntries if zero.
	ClosingEntries int
	Timeout        time.Duration
	// Grace is how long what is doomed stays; Deletes and Snapshots are the bounds.
	Grace              time.Duration
	Deletes, Snapshots int
	Now                func() time.Time
}

// NewTuned is New with a tuning. It waits next to nothing between attempts.
func NewTuned(ctx context.Context, opts Options, t Tuning) (*Store, error) {
	d := defaults()
	d.backoff = time.Millisecond
	if t.Lease != 0 {
		d.lease = t.Lease
	}
	if t.Attempts != 0 {
		d.attempts = t.Attempts
	}
	if t.FoldEntries != 0 {
		d.foldEntries, d.closingEntries = t.FoldEntries, t.FoldEntries
	}
	if t.ClosingEntries != 0 {
		d.closingEntries = t.ClosingEntries
	}
	if t.Timeout != 0 {
		d.timeout = t.Timeout
	}
	if t.Grace != 0 {
		d.grace = t.Grace
	}
	if t.Deletes != 0 {
		d.deletes = t.Deletes
	}
	if t.Snapshots != 0 {
		d.snapshots = t.Snapshots
	}
	if t.Now != nil {
		d.now = t.Now
	}
	return newStore(ctx, opts, d)
}

// Everything is all that is stored below the store's key, names included.
func Everything(ctx context.Context, s *Store) ([]byte, error) {
	list, err := s.client.api.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: &s.client.bucket, Prefix: &s.client.prefix})
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, o := range list.Contents {
		got, err := s.client.root().get(ctx, aws.ToString(o.Key))
		if err != nil {
			return nil, err
		}
		if got != nil {
			all = append(append(all, aws.ToString(o.Key)...), got.body...)
		}
	}
	return all, nil
}

// Leave puts an object where DevStream keeps its state.
func Leave(ctx context.Context, s *Store, body string) error {
	_, err := s.client.api.PutObject(ctx, &awss3.PutObjectInput{Bucket: &s.client.bucket, Key: &s.client.key, Body: strings.NewReader(body)})
	return err
}

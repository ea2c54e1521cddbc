package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"github.com/devstream-io/dtm/engine"
	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store/s3"
)

// latency is what every request to the bucket takes at least.
const latency = 20 * time.Millisecond

// idle is a plugin whose verbs do nothing.
type idle struct{}

func (idle) Create(context.Context, nothing) (nothing, error)           { return nothing{}, nil }
func (idle) Read(context.Context, nothing, nothing) (nothing, error)    { return nothing{}, nil }
func (idle) Update(_ context.Context, _, _, _ nothing) (nothing, error) { return nothing{}, nil }
func (idle) Delete(context.Context, nothing, nothing) error             { return nil }

// slowBucket is a server of S3 in this process that takes its time and counts.
type slowBucket struct {
	handler        http.Handler
	mu             sync.Mutex // s3mem checks a condition and writes in two steps
	groups, others atomic.Int64
}

func (s *slowBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/journal/") {
		s.groups.Add(1)
	} else {
		s.others.Add(1)
	}
	timer := time.NewTimer(latency)
	defer timer.Stop()
	<-timer.C
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler.ServeHTTP(w, r)
}

// bucket applies tools that take no time to a slow bucket, and compares with what cannot be avoided: two records a tool,
// as many of them in a request as are applied at the same time, and the requests around.
func (b *bench) bucket(ctx context.Context) error {
	n := b.small
	var took, must []time.Duration
	var ratios []float64
	for round := range b.rounds {
		t, requests, err := b.applyToBucket(ctx, n)
		if err != nil {
			return err
		}
		ideal := latency * time.Duration(2*((n+parallel-1)/parallel)+int(requests.others.Load()))
		b.say("apply to a bucket, round %d: %s, at least %s; %d groups, %d other requests", round, span(t), span(ideal), requests.groups.Load(), requests.others.Load())
		took, must, ratios = append(took, t), append(must, ideal), append(ratios, t.Seconds()/ideal.Seconds())
	}
	b.table.against(fmt.Sprintf("apply of %d tools that take no time, %d at a time, in a bucket with 20 ms of latency", n, parallel),
		span(median(took)), span(median(must)), median(ratios), 1.3)
	return nil
}

func (b *bench) applyToBucket(ctx context.Context, n int) (time.Duration, *slowBucket, error) {
	backend := s3mem.New()
	if err := backend.CreateBucket(ctx, "bench"); err != nil {
		return 0, nil, err
	}
	slow := &slowBucket{handler: gofakes3.New(backend).Server()}
	server := httptest.NewServer(slow)
	defer server.Close()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			return 0, nil, err
		}
	}
	journal, err := s3.New(ctx, s3.Options{Bucket: "bench", Key: "journal", Region: "us-east-1", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		return 0, nil, err
	}
	set, err := plugins.NewSet(plugins.New("idle", "", idle{}))
	if err != nil {
		return 0, nil, err
	}
	config := &schema.Config{Tools: make([]schema.Tool, n)}
	for i := range config.Tools {
		config.Tools[i].ID, config.Tools[i].Options = schema.MakeID("idle", instance(i)), json.RawMessage("{}")
	}
	e := &engine.Engine{
		Plugins: set, Definition: func(string) *schema.Definition { return nil },
		LookupEnv: os.LookupEnv, Now: time.Now, Parallel: parallel,
	}
	state, err := journal.Load(ctx)
	if err != nil {
		return 0, nil, err
	}
	plan, err := e.Plan(ctx, config, state, engine.PlanOptions{})
	if err != nil {
		return 0, nil, err
	}
	slow.groups.Store(0)
	slow.others.Store(0)
	began := time.Now()
	_, err = e.Apply(ctx, journal, plan, engine.ApplyOptions{})
	return time.Since(began), slow, err
}

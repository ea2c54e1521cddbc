package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/devstream-io/dtm/plugins"
)

// server answers with the first byte of a body at once, and with the rest when the request is over or it is let go.
func server(t *testing.T) (address string, let chan struct{}, ended chan error) {
	t.Helper()
	let, ended = make(chan struct{}), make(chan error, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
			ended <- r.Context().Err()
			return
		}
		_, _ = io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		select {
		case <-let:
			_, _ = io.WriteString(w, "b")
		case <-r.Context().Done():
		}
		ended <- r.Context().Err()
	}))
	t.Cleanup(s.Close)
	return s.URL, let, ended
}

// errLate is a cause like the engine's for the end of a verb's time.
var errLate = errors.New("late")

func cluster(t *testing.T, address string) *Cluster {
	t.Helper()
	return newCluster("the test's", "default", &rest.Config{Host: address})
}

func clientOf(t *testing.T, c *Cluster, ctx context.Context) *http.Client {
	t.Helper()
	client, err := rest.HTTPClientFor(c.Config(ctx))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestRequestsEndWithTheirContextAndItsError(t *testing.T) {
	address, _, _ := server(t)
	c := cluster(t, address)
	for name, end := range map[string]struct {
		make func() (context.Context, func())
		want error
	}{
		"cancelled": {func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(t.Context())
			return ctx, func() { cancel(errLate) }
		}, context.Canceled},
		"out of time": {func() (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errLate)
			return ctx, func() { <-ctx.Done(); cancel() }
		}, context.DeadlineExceeded},
	} {
		for _, whose := range []string{"the configuration's", "the request's", "both"} {
			t.Run(name+", "+whose, func(t *testing.T) {
				ctx, stop := end.make()
				bound, own := ctx, ctx
				switch whose {
				case "the configuration's":
					own = t.Context()
				case "the request's":
					bound = t.Context()
				}
				client := clientOf(t, c, bound)
				got := make(chan error, 1)
				request, err := http.NewRequestWithContext(own, http.MethodGet, address+"/silent", nil)
				if err != nil {
					t.Fatal(err)
				}
				go func() { _, err := client.Do(request); got <- err }()
				stop()
				err = <-got
				if !errors.Is(err, end.want) || errors.Is(err, errLate) {
					t.Errorf("got %v, want %v and nothing of its cause", err, end.want)
				}
				if _, may := plugins.RetryAfter(c.Explain(err)); may {
					t.Error("it counts as one that may pass")
				}
			})
		}
	}
}

func TestARequestIsNotEvenBegunAfterItsContext(t *testing.T) {
	served := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served <- struct{}{} }))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := &closing{Reader: strings.NewReader("x")}
	_, err := clientOf(t, cluster(t, s.URL), ctx).Post(s.URL, "", body)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !body.closed {
		t.Error("the body of the request stays open")
	}
	select {
	case <-served:
		t.Error("it was sent")
	default:
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestAnAnswerIsReadToItsEndAfterTheRoundTrip(t *testing.T) {
	address, let, ended := server(t)
	response, err := clientOf(t, cluster(t, address), t.Context()).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	close(let)
	text, err := io.ReadAll(response.Body)
	if err != nil || string(text) != "ab" {
		t.Errorf("read %q, %v", text, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server says %v", err)
	}
}

func TestTheReadingOfAnAnswerEndsWithTheContext(t *testing.T) {
	address, _, ended := server(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	response, err := clientOf(t, cluster(t, address), ctx).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cancel(errLate)
	if _, err := io.ReadAll(response.Body); !errors.Is(err, context.Canceled) || errors.Is(err, errLate) {
		t.Errorf("reading returned %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the server was not told")
	}
}

func TestClosingAnAnswerReleasesItsRequest(t *testing.T) {
	address, _, ended := server(t)
	response, err := clientOf(t, cluster(t, address), t.Context()).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	end := response.Body.(*boundBody).ending
	if end.both.Err() != nil {
		t.Fatal("it is over before it is read")
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if end.both.Err() == nil {
		t.Error("its context is still waited on")
	}
	if err := <-ended; err == nil {
		t.Error("the server was not told")
	}
}

func TestASilentServerIsNotWaitedForButAWatchIs(t *testing.T) {
	address, let, ended := server(t)
	rt := &bound{ctx: t.Context(), base: http.DefaultTransport, patience: 200 * time.Millisecond}
	client := &http.Client{Transport: rt}
	_, err := client.Get(address + "/silent")
	if !errors.Is(err, errSilent) || errors.Is(err, context.DeadlineExceeded) || !Passing(err) {
		t.Errorf("without an answer: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the server was not told")
	}
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); !errors.Is(err, errSilent) {
		t.Errorf("half an answer: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the server was not told")
	}

	watched, err := client.Get(address + "?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Body.Close()
	time.AfterFunc(2*rt.patience, func() { close(let) })
	if text, err := io.ReadAll(watched.Body); err != nil || string(text) != "ab" {
		t.Errorf("the watch read %q, %v", text, err)
	}
}

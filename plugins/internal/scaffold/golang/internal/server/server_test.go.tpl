package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// patience is longer than anything takes on the slowest machine.
const patience = time.Minute

func TestHandler(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/", http.StatusOK, `"service":"[[ .AppName ]]"`},
		{"GET", "/", http.StatusOK, `"version":"v1"`},
		{"GET", "/healthz", http.StatusOK, `"status":"ok"`},
		{"HEAD", "/healthz", http.StatusOK, ""},
		{"POST", "/", http.StatusMethodNotAllowed, ""},
		{"GET", "/elsewhere", http.StatusNotFound, ""},
	} {
		response := httptest.NewRecorder()
		Handler("v1").ServeHTTP(response, httptest.NewRequest(c.method, c.path, nil))
		if response.Code != c.status || !strings.Contains(response.Body.String(), c.body) {
			t.Errorf("%s %s: got %d %q, want %d with %q", c.method, c.path, response.Code, response.Body, c.status, c.body)
		}
	}
}

func TestServeFinishesWhatHasBegun(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	begun := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-ctx.Done()
			_, _ = io.WriteString(w, "done")
		}))
	}()
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	wait(t, begun)
	stop()
	select {
	case got := <-answer:
		if got != "done" {
			t.Errorf("the request that had begun got %q", got)
		}
	case <-time.After(patience):
		t.Fatal("the request that had begun got no answer")
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the server did not end")
	}
}

func TestRunTellsThatItCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := Run(context.Background(), taken.Addr().String(), "v1", t.Logf); err == nil {
		t.Error("it listens where somebody else does")
	}
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("timed out")
	}
}

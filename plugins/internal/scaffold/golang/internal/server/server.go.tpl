// Package server answers HTTP requests until it is told to end.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"
)

// shutdownTimeout is how long requests that have begun may take after the server was told to end.
const shutdownTimeout = 15 * time.Second

// Run listens on addr, as in ":8080", and serves until ctx is done. Requests that have begun by then are finished.
func Run(ctx context.Context, addr, version string, logf func(format string, args ...interface{})) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	logf("[[ .AppName ]] %s listens on %s", version, listener.Addr())
	return Serve(ctx, listener, Handler(version))
}

// Serve is Run with a listener, which it closes.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Handler answers requests: "/healthz" tells whether the service works, "/" who it is.
func Handler(version string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", get("/healthz", func() map[string]string {
		return map[string]string{"status": "ok"}
	}))
	mux.HandleFunc("/", get("/", func() map[string]string {
		return map[string]string{"service": "[[ .AppName ]]", "version": version}
	}))
	return mux
}

// get answers GET and HEAD at one path.
func get(path string, answer func() map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != path:
			http.NotFound(w, r)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// An error means that the client has gone.
		_ = json.NewEncoder(w).Encode(answer())
	}
}

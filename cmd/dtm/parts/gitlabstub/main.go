// Command gitlabstub stands in for GitLab in a container of tests: it listens where GitLab listens, is not ready at once,
// tells so at /-/readiness to nobody but itself, and keeps something in GitLab's folder.
//
// Environment: STUB_READY_AFTER is how long it takes to be ready, as in "3s", or "never". STUB_EXIT_AFTER is when it ends by
// itself, with exit code 3. STUB_OPEN tells readiness to everybody.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		os.Exit(healthcheck())
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if err := serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// healthcheck is what the image's HEALTHCHECK runs.
func healthcheck() int {
	response, err := http.Get("http://127.0.0.1/-/readiness")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer response.Body.Close()
	fmt.Println("readiness:", response.Status)
	if response.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

func serve(ctx context.Context) error {
	began := time.Now()
	if err := remember(began); err != nil {
		return err
	}
	if after, err := time.ParseDuration(os.Getenv("STUB_EXIT_AFTER")); err == nil {
		time.AfterFunc(after, func() {
			fmt.Fprintln(os.Stderr, "ending by itself")
			os.Exit(3)
		})
	}
	ready := func() bool {
		if os.Getenv("STUB_READY_AFTER") == "never" {
			return false
		}
		after, _ := time.ParseDuration(os.Getenv("STUB_READY_AFTER"))
		return time.Since(began) >= after
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		switch {
		case !ready():
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/-/readiness" && (net.ParseIP(host).IsLoopback() || os.Getenv("STUB_OPEN") != ""):
			fmt.Fprintln(w, `{"status":"ok"}`)
		case r.URL.Path == "/":
			fmt.Fprintln(w, "GitLab, more or less")
		default:
			http.NotFound(w, r)
		}
	})
	failed := make(chan error, 3)
	for _, port := range []string{"80", "443"} {
		go func() { failed <- http.ListenAndServe(":"+port, answer) }()
	}
	go func() { failed <- greet(":22") }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// remember writes a line into GitLab's folder each time that it starts.
func remember(began time.Time) error {
	f, err := os.OpenFile("/var/opt/gitlab/starts", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %s\n", began.Format(time.RFC3339Nano), strings.Join(os.Args, " "))
	return errors.Join(err, f.Close())
}

// greet says what an SSH server says first.
func greet(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		fmt.Fprint(connection, "SSH-2.0-stub\r\n")
		_ = connection.Close()
	}
}

// Command gitlabstub stands in for GitLab in a container of tests: it listens where GitLab listens, is not ready at once,
// tells so at /-/readiness to nobody but itself, and keeps something in GitLab's folder.
//
// Environment: STUB_READY_AFTER is how long it takes to be ready, as in "3s", or "told" for as soon as there is a file
// "ready" in its folder, or "never". STUB_EXIT_AFTER is when it ends by itself, with exit code 3, and STUB_EXITS how often it
// does, if not for ever. Asked to end it leaves a file "ended" in its folder. STUB_OPEN tells readiness to everybody. What it has in its variables it writes into its log, as
// careless programs do.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
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
	starts, err := remember(began)
	if err != nil {
		return err
	}
	for _, variable := range os.Environ() {
		fmt.Fprintln(os.Stderr, "with", variable)
	}
	most, err := strconv.Atoi(os.Getenv("STUB_EXITS"))
	forEver := err != nil
	if after, err := time.ParseDuration(os.Getenv("STUB_EXIT_AFTER")); err == nil && (forEver || starts <= most) {
		time.AfterFunc(after, func() {
			fmt.Fprintln(os.Stderr, "ending by itself")
			os.Exit(3)
		})
	}
	ready := func() bool {
		switch os.Getenv("STUB_READY_AFTER") {
		case "never":
			return false
		case "told":
			_, err := os.Stat("/var/opt/gitlab/ready")
			return err == nil
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
		return os.WriteFile("/var/opt/gitlab/ended", nil, 0o600)
	}
}

// remember writes a line into GitLab's folder each time that it starts, and returns how many there are.
func remember(began time.Time) (starts int, err error) {
	const path = "/var/opt/gitlab/starts"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	_, err = fmt.Fprintf(f, "%s %s\n", began.Format(time.RFC3339Nano), strings.Join(os.Args, " "))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(path)
	return strings.Count(string(text), "\n"), err
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

package parts

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Registry returns the path of an OCI registry: the CNCF's Distribution, with what is pushed kept in memory.
func Registry(t testing.TB) string {
	t.Helper()
	return Build{
		Name:    "registry",
		Module:  "cmd/dtm/parts/registry",
		Package: "github.com/devstream-io/dtm/cmd/dtm/parts/registry",
		LDFlags: "-s -w",
		Env:     []string{"CGO_ENABLED=0"},
	}.Path(t)
}

// ServeRegistry starts an empty registry on the loopback, without TLS, and returns its address, as in "127.0.0.1:34567".
// If a user is named, it is for that one alone. It is stopped when the test ends.
func ServeRegistry(t testing.TB, user, password string) (address string) {
	t.Helper()
	program := Registry(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {inmemory: {}, delete: {enabled: true}}\nhttp: {addr: '" + address + "'}\n"
	if user != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		users := filepath.Join(dir, "htpasswd")
		if err := os.WriteFile(users, []byte(user+":"+string(hash)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		config += "auth: {htpasswd: {realm: registry, path: '" + users + "'}}\n"
	}
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, program, "serve", file)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() && out.Len() > 0 {
			t.Logf("the registry says: %s", out.Bytes())
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		reply, err := http.Get("http://" + address + "/v2/")
		if err == nil {
			_ = reply.Body.Close()
			if reply.StatusCode == http.StatusOK || reply.StatusCode == http.StatusUnauthorized {
				return address
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the registry is not up: %v", err)
		}
		select {
		case <-ended:
			t.Fatalf("the registry does not start: %s", out.Bytes())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

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
)

// ServeS3 starts a versitygw on the loopback with one empty bucket that keeps versions, and returns its address, as in
// "127.0.0.1:34567". It is stopped when the test ends.
func ServeS3(t testing.TB, bucket, accessKey, secretKey string) (address string) {
	t.Helper()
	program := VersityGW(t)
	dir := t.TempDir()
	data, versions := filepath.Join(dir, "data"), filepath.Join(dir, "versions")
	for _, folder := range []string{filepath.Join(data, bucket), versions} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, program, "--quiet", "--port", address, "--health", "/health", "posix", "--versioning-dir", versions, data)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() && out.Len() > 0 {
			t.Logf("versitygw says: %s", out.Bytes())
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		reply, err := http.Get("http://" + address + "/health")
		if err == nil {
			_ = reply.Body.Close()
			if reply.StatusCode == http.StatusOK {
				return address
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("versitygw is not up: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

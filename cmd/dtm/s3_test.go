package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

// The journal in a bucket of a real server: what one command leaves, the next one on another machine finds.
func TestAToolchainIsAppliedAndRememberedInABucket(t *testing.T) {
	address := parts.ServeS3(t, "team", "AKIDTEST", "secret-of-the-test")
	program := parts.DTM(t)
	dir := t.TempDir()
	files := map[string]string{
		"cue/toolchain.cue": `package toolchain

import "devstream.io/dtm/schema"

schema.#Toolchain

state: {backend: "s3", options: {bucket: "team", key: "cue", region: "us-east-1", endpoint: "http://` + address + `", pathStyle: true}}

tools: localfile: hello: options: {filename: "hello.txt", content: "hello"}
`,
		"yaml/config.yaml": `state:
  backend: s3
  options: {bucket: team, region: us-east-1, key: devstream.state, endpoint: "http://` + address + `", pathStyle: true}
tools:
- {name: localfile, instanceID: hello, options: {filename: hello.txt, content: hello}}
`,
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dtm := func(secret, folder string, args ...string) (string, error) {
		cmd := exec.Command(program, args...)
		cmd.Dir = filepath.Join(dir, folder)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY="+secret, "AWS_EC2_METADATA_DISABLED=true")
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), secret) {
			t.Errorf("dtm %s shows the secret", args[0])
		}
		return string(out), err
	}
	for _, folder := range []string{"cue", "yaml"} {
		for _, step := range []struct{ args, want string }{
			{"apply -y", "Tool (localfile/hello) Create done."},
			{"apply -y", "There is nothing to do."},
			{"verify", "Verify succeeded."},
			{"show status", "Drifted: false"},
			{"history", "succeeded"},
			{"destroy -y", "All plugins destroyed successfully."},
			{"history", "-1"},
		} {
			out, err := dtm("secret-of-the-test", folder, strings.Fields(step.args)...)
			if err != nil || !strings.Contains(out, step.want) {
				t.Fatalf("%s: dtm %s: %v, without %q:\n%s", folder, step.args, err, step.want, out)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, folder, "hello.txt")); !os.IsNotExist(err) {
			t.Errorf("%s: the file is still there: %v", folder, err)
		}
	}
	out, err := dtm("another-secret", "cue", "plan")
	if err == nil || !strings.Contains(out, "hint:") {
		t.Errorf("wrong credentials: %v\n%s", err, out)
	}
}

// DevStream kept its whole state in one object, where the journal's folder is now. It could since 0.6.
func TestADevStreamStateInABucketIsTakenOver(t *testing.T) {
	t.Parallel()
	layouts := map[string]string{
		"0.6": `localfile_hello:
  name: localfile
  instanceid: hello
  dependson: []
  options: {filename: hello.txt, content: hello}
  resource: {filename: hello.txt, content: hello}
`,
		"0.12": `localfile_hello:
  name: localfile
  instanceID: hello
  dependsOn: []
  options: {filename: hello.txt, content: hello, instanceID: hello}
  resourceStatus: {filename: hello.txt, content: hello}
`,
	}
	for layout, old := range layouts {
		t.Run(layout, func(t *testing.T) { takeOverBucket(t, old) })
	}
	address := parts.ServeS3(t, "team", "AKIDTEST", "secret-of-the-test")
	for layout, old := range layouts {
		t.Run(layout+" on files", func(t *testing.T) {
			dir, key := t.TempDir(), "folder/devstream-"+layout+".state"
			bucketObject(t, address, http.MethodPut, key, old)
			writeFile(t, filepath.Join(dir, "hello.txt"), "hello")
			run := func(content, line, want string) {
				t.Helper()
				writeFile(t, filepath.Join(dir, "config.yaml"), "state: {backend: s3, options: {bucket: team, region: us-east-1, key: "+key+", endpoint: \"http://"+address+
					"\", pathStyle: true}}\ntools:\n- {name: localfile, instanceID: hello, options: {filename: hello.txt, content: "+content+"}}\n")
				cmd := dtm(t, dir, strings.Fields(line)...)
				cmd.Env = os.Environ()
				for name, value := range s3Env("secret-of-the-test") {
					cmd.Env = append(cmd.Env, name+"="+value)
				}
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
					t.Fatalf("dtm %s: %v, without %q:\n%s", line, err, want, out)
				}
			}
			run("hello", "apply -y", "There is nothing to do")
			run("hello", "state list -l", "taken over from DevStream")
			if kept := bucketObject(t, address, http.MethodGet, key, ""); kept != old {
				t.Errorf("looking has changed the state: %q", kept)
			}
			run("other", "apply -y", "1 updated")
			run("other", "apply -y", "There is nothing to do")
			run("other", "verify", "Verify succeeded")
			if kept := bucketObject(t, address, http.MethodGet, key+".bak", ""); kept != old {
				t.Errorf("the backup has %q", kept)
			}
		})
	}
}

func takeOverBucket(t *testing.T, old string) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(t.Context(), "team"); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(backend).Server()
	var mu sync.Mutex // s3mem checks a condition and writes in two steps
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	dir := t.TempDir()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/team/devstream.state", strings.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatal(reply, err)
	}
	if err := reply.Body.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "hello.txt"), "hello")
	config := func(content string) {
		writeFile(t, filepath.Join(dir, "config.yaml"), `state:
  backend: s3
  options: {bucket: team, region: us-east-1, key: devstream.state, endpoint: "`+server.URL+`", pathStyle: true}
tools:
- {name: localfile, instanceID: hello, options: {filename: hello.txt, content: `+content+`}}
`)
	}
	run := func(words, want string) {
		t.Helper()
		cmd := dtm(t, dir, strings.Fields(words)...)
		cmd.Env = os.Environ()
		for name, value := range s3Env("secret") {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("dtm %s: %v, without %q:\n%s", words, err, want, out)
		}
	}
	config("hello")
	run("plan", "There is nothing to do")
	run("state list -l", "taken over from DevStream")
	config("other")
	run("apply -y", "1 updated")
	run("apply -y", "There is nothing to do")
	run("history", "take over s3://team/devstream.state")
	run("state lock", "free")
	kept, err := backend.GetObject(t.Context(), "team", "devstream.state.bak", nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(kept.Contents)
	if err != nil || string(text) != old {
		t.Errorf("the backup has %q %v", text, err)
	}
}

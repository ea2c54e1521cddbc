package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

package scaffold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// refPattern is what a ref may be: a branch, a tag or a whole commit, and never a flag.
var refPattern = regexp.MustCompile(`^[0-9A-Za-z][-0-9A-Za-z._/+]*$`)

var commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)

// git reads one commit of a git repository, by the git command: it knows all the ways to get at repositories that the user
// has set up. Nothing is checked out, so neither hooks nor filters run; the files come as a tar.
func (t templates) git(ctx context.Context, from, ref string) (template, error) {
	switch {
	case ref == "":
		return template{}, plugins.Hinted(errors.New("a git repository needs a templateRef"), "a tag or a commit stays what it is; a branch is taken as it is at each update")
	case !refPattern.MatchString(ref) || strings.Contains(ref, ".."):
		return template{}, fmt.Errorf("templateRef %q is no branch, tag or commit", ref)
	case strings.HasPrefix(from, "-") || strings.Contains(from, "::"):
		return template{}, errors.New("it is no URL of a git repository")
	}
	dir, err := os.MkdirTemp("", "dtm-template-")
	if err != nil {
		return template{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the folder for what may go
	plugins.Report(ctx, "fetching the template with git")
	if _, err := t.run(ctx, dir, "init", "--quiet", "--bare", "--template="); err != nil {
		return template{}, err
	}
	if strings.HasPrefix(from, "./") || strings.HasPrefix(from, "../") {
		from = filepath.Join(t.env.Dir, from)
	}
	if _, err := t.run(ctx, dir, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--end-of-options", from, ref); err != nil {
		return template{}, passing(ctx, err)
	}
	commit, err := t.run(ctx, dir, "rev-parse", "--verify", "FETCH_HEAD^{commit}")
	if err != nil {
		return template{}, err
	}
	version := strings.TrimSpace(string(commit))
	if commitPattern.MatchString(ref) && version != ref {
		return template{}, fmt.Errorf("commit %s is %s there", ref, version)
	}
	packed, err := t.run(ctx, dir, "archive", "--format=tar", version)
	if err != nil {
		return template{}, err
	}
	files, err := ofCommit(packed)
	return template{origin: Origin{Version: version}, files: files}, err
}

// ofCommit are the files of a tar that git has made. Unlike in other archives, a folder that all are in is meant.
func ofCommit(packed []byte) (map[string]templateFile, error) {
	c := newCollector()
	return c.files, c.untar(bytes.NewReader(packed))
}

// passed are the variables that git may see: who the user is, how the network is reached, and where the keys are.
func passed() []string {
	return []string{
		"PATH", "HOME", "USER", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "XDG_CONFIG_HOME",
		"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "SYSTEMROOT", "TMPDIR",
	}
}

// run runs git in its own folder, without a terminal to ask at.
func (t templates) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "protocol.ext.allow=never", "-c", "core.hooksPath=" + os.DevNull}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "GIT_DIR=" + dir}
	for _, name := range passed() {
		if v := t.env.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	out, complaint := &bounded{room: maxTar}, &bounded{room: 4096, cuts: true}
	cmd.Stdout, cmd.Stderr = out, complaint
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("git %s: %w", args[0], ctx.Err())
	case errors.Is(err, exec.ErrNotFound):
		return nil, plugins.Hinted(err, "a template of a git repository needs the git command; an archive does not")
	case err != nil:
		said := strings.Join(strings.Fields(string(complaint.bytes())), " ")
		for _, arg := range args {
			said = strings.ReplaceAll(said, arg, shown(arg))
		}
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, said)
	}
	return out.bytes(), nil
}

package parts

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// complaints is a test that others complain to.
type complaints struct {
	testing.TB

	mu  sync.Mutex
	all []string
}

func (c *complaints) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

// labClient asks a Lab as somebody does.
type labClient struct {
	t     *testing.T
	lab   *Lab
	token string
}

// do returns the status and the body, which is decoded if it is JSON.
func (c labClient) do(method, path string, body any) (status int, reply any, header http.Header) {
	c.t.Helper()
	status, reply, header, err := c.try(method, path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return status, reply, header
}

func (c labClient) try(method, path string, body any) (status int, reply any, header http.Header, err error) {
	var text io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, nil, nil, err
		}
		text = strings.NewReader(string(data))
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.lab.URL+"/api/v4"+path, text)
	if err != nil {
		return 0, nil, nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Private-Token", c.token)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil, nil, err
	}
	reply = string(data)
	var decoded any
	if json.Unmarshal(data, &decoded) == nil {
		reply = decoded
	}
	return answer.StatusCode, reply, answer.Header, nil
}

// must is do where the status is known.
func (c labClient) must(status int, method, path string, body any) any {
	c.t.Helper()
	got, reply, _ := c.do(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: %d %v, want %d", method, path, got, reply, status)
	}
	return reply
}

// project makes one with a file on main, and returns its number as the API has it.
func (c labClient) project(name string) string {
	c.t.Helper()
	made := c.must(http.StatusCreated, "POST", "/projects", map[string]any{"name": name, "path": name})
	id := fmt.Sprint(made.(map[string]any)["id"])
	c.must(http.StatusCreated, "POST", "/projects/"+id+"/repository/commits", commitOf("main", "begin", create("a", "a")))
	return id
}

func commitOf(branch, message string, actions ...map[string]any) map[string]any {
	return map[string]any{"branch": branch, "commit_message": message, "actions": actions}
}

func create(file, content string) map[string]any {
	return map[string]any{"action": "create", "file_path": file, "content": base64.StdEncoding.EncodeToString([]byte(content)), "encoding": "base64"}
}

func newLab(t *testing.T) labClient {
	t.Helper()
	lab := GitLab(t)
	return labClient{t, lab, lab.User("ann")}
}

func TestGitLabIsClonedAndPushedTo(t *testing.T) {
	c := newLab(t)
	c.lab.Group("acme/tools")
	owner := c.must(http.StatusOK, "GET", "/namespaces/acme%2Ftools", nil).(map[string]any)
	c.must(http.StatusCreated, "POST", "/projects", map[string]any{"name": "shop", "path": "shop", "namespace_id": owner["id"], "visibility": "private"})
	c.must(http.StatusCreated, "POST", "/projects/acme%2Ftools%2Fshop/repository/commits", commitOf("main", "begin", create("dir/a", "a\n"), create("b", "b\n")))

	dir := t.TempDir()
	git := func(args ...string) error {
		cmd := exec.Command(Git(t), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
		return nil
	}
	if err := git("clone", "--quiet", c.lab.CloneURL("acme/tools/shop", c.token), "shop"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "shop", "dir", "a")); err != nil || string(text) != "a\n" {
		t.Errorf("dir/a is %q (%v)", text, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop", "b"), []byte("pushed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		git("-C", "shop", "-c", "user.name=ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "-am", "pushed"),
		git("-C", "shop", "push", "--quiet"),
	); err != nil {
		t.Error(err)
	}
	if got, want := c.lab.Files("acme/tools/shop", "main"), map[string]string{"dir/a": "a\n", "b": "pushed\n"}; !maps.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if err := git("clone", "--quiet", c.lab.CloneURL("acme/tools/shop", "guess"), "other"); err == nil {
		t.Error("it is cloned with a wrong token")
	}
}

func TestGitLabRefusesInItsOwnWords(t *testing.T) {
	c := newLab(t)
	id := c.project("shop")
	old := c.lab.Branches("ann/shop")["main"]
	c.lab.SetFile("ann/shop", "main", "a", "theirs")
	with := func(body map[string]any, more ...any) map[string]any {
		body = maps.Clone(body)
		for i := 0; i < len(more); i += 2 {
			body[more[i].(string)] = more[i+1]
		}
		return body
	}
	update := map[string]any{"action": "update", "file_path": "a", "content": "mine"}
	for want, body := range map[string]map[string]any{
		"A file with this name already exists":                            commitOf("main", "m", create("a", "a")),
		"A file with this name doesn't exist":                             commitOf("main", "m", with(update, "file_path", "b")),
		"The file has changed since you started editing it: a":            commitOf("main", "m", with(update, "last_commit_id", old)),
		"You can only create or edit files when you are on a branch":      commitOf("next", "m", create("b", "b")),
		"A branch called 'main' already exists. Switch to that branch":    with(commitOf("main", "m", create("b", "b")), "start_sha", old),
		"start_branch, start_sha are mutually exclusive":                  with(commitOf("next", "m", create("b", "b")), "start_sha", old, "start_branch", "main"),
		"Cannot find start_sha '0000000000000000000000000000000000000000": with(commitOf("next", "m", create("b", "b")), "start_sha", strings.Repeat("0", 40)),
	} {
		status, reply, _ := c.do("POST", "/projects/"+id+"/repository/commits", body)
		if message, _ := reply.(map[string]any)["message"].(string); status != http.StatusBadRequest || !strings.HasPrefix(message, want) {
			t.Errorf("%d %v, want %s", status, reply, want)
		}
	}
	c.must(http.StatusCreated, "POST", "/projects/"+id+"/repository/commits", with(commitOf("main", "force", create("b", "b")), "start_sha", old, "force", true))
	if got, want := c.lab.Files("ann/shop", "main"), map[string]string{"a": "a", "b": "b"}; !maps.Equal(got, want) {
		t.Errorf("after force there are %q, want %q", got, want)
	}
	for path, body := range map[string]map[string]any{
		"/projects":                            {"name": "shop", "path": "shop"},
		"/projects/" + id + "/variables":       {"key": "A", "value": "too short", "masked": true},
		"/projects/" + id + "/merge_requests":  {"source_branch": "no", "target_branch": "main", "title": "t"},
		"/projects/" + id + "/merge_requests?": {"source_branch": "main", "target_branch": "other", "title": ""},
	} {
		c.must(http.StatusBadRequest, "POST", path, body)
	}
}

func TestGitLabFailsTheTestOfWhoAsksWrongly(t *testing.T) {
	c := newLab(t)
	id := c.project("shop")
	heard := &complaints{TB: t}
	c.lab.t = heard
	wrong := map[string]any{"branch": 1, "commit_message": "m", "actions": []any{}}
	for _, ask := range []func() any{
		func() any { return c.must(http.StatusBadRequest, "GET", "/projects/"+id+"?lisense=true", nil) },
		func() any { return c.must(http.StatusBadRequest, "POST", "/projects/"+id+"/repository/commits", wrong) },
		func() any {
			return c.must(http.StatusBadRequest, "POST", "/projects/"+id+"/variables", map[string]any{"key": "A"})
		},
		func() any {
			return c.must(http.StatusBadRequest, "POST", "/projects/"+id+"/variables", map[string]any{"key": "A", "value": "b", "masked": "yes"})
		},
		func() any {
			return c.must(http.StatusBadRequest, "POST", "/projects/"+id+"/repository/commits", commitOf("main", "m", map[string]any{"action": "create"}))
		},
		func() any { return c.must(http.StatusNotFound, "GET", "/projects/"+id+"/pipelines", nil) },
	} {
		before := len(heard.all)
		ask()
		if len(heard.all) != before+1 {
			t.Errorf("complaints are now %q", heard.all)
		}
	}
	if !strings.HasSuffix(heard.all[0], "see https://docs.gitlab.com/api/projects/#get-a-single-project") {
		t.Errorf("the complaint is %q", heard.all[0])
	}
}

func TestGitLabLetsInWhoMay(t *testing.T) {
	c := newLab(t)
	id := c.project("shop")
	reader, bob := c, c
	reader.token, bob.token = c.lab.Token("ann", "read_api"), c.lab.User("bob")
	reader.must(http.StatusOK, "GET", "/projects/"+id, nil)
	reader.must(http.StatusForbidden, "POST", "/projects/"+id+"/archive", nil)
	bob.must(http.StatusNotFound, "GET", "/projects/"+id, nil)
	bob.must(http.StatusNotFound, "GET", "/namespaces/ann", nil)
	c.must(http.StatusOK, "PUT", "/projects/"+id, map[string]any{"visibility": "public"})
	bob.must(http.StatusOK, "GET", "/projects/"+id, nil)
	bob.must(http.StatusForbidden, "DELETE", "/projects/"+id, nil)
	c.must(http.StatusCreated, "POST", "/projects/"+id+"/archive", nil)
	c.must(http.StatusForbidden, "POST", "/projects/"+id+"/repository/commits", commitOf("main", "m", create("b", "b")))
	c.must(http.StatusForbidden, "DELETE", "/projects/"+id+"/variables/A", nil)
	c.must(http.StatusCreated, "POST", "/projects/"+id+"/unarchive", nil)
	c.lab.Revoke(c.token)
	c.must(http.StatusUnauthorized, "GET", "/user", nil)
}

func TestGitLabSendsOnWhoReadsAnOldName(t *testing.T) {
	c := newLab(t)
	id := c.project("shop")
	c.lab.Rename("ann/shop", "ann/store")
	status, _, header := c.do("GET", "/projects/ann%2Fshop/repository/branches/main", nil)
	if want := c.lab.URL + "/api/v4/projects/" + id + "/repository/branches/main"; status != http.StatusFound || header.Get("Location") != want {
		t.Errorf("%d to %s, want %s", status, header.Get("Location"), want)
	}
	c.must(http.StatusMethodNotAllowed, "POST", "/projects/ann%2Fshop/archive", nil)
	c.must(http.StatusOK, "GET", "/projects/ann%2Fstore", nil)
}

func TestGitLabTakesItsTimeToDelete(t *testing.T) {
	c := newLab(t)
	again := map[string]any{"name": "shop", "path": "shop"}
	id := c.project("shop")
	c.must(http.StatusAccepted, "DELETE", "/projects/"+id, nil)
	c.must(http.StatusNotFound, "GET", "/projects/"+id, nil)
	refusal := c.must(http.StatusBadRequest, "POST", "/projects", again)
	if !strings.Contains(fmt.Sprint(refusal), "still being deleted") {
		t.Errorf("it says %v", refusal)
	}
	made := c.must(http.StatusCreated, "POST", "/projects", again).(map[string]any)

	c.lab.Deletion(0, true)
	c.must(http.StatusAccepted, "DELETE", "/projects/"+fmt.Sprint(made["id"]), nil)
	kept := c.must(http.StatusOK, "GET", "/projects/"+fmt.Sprint(made["id"]), nil).(map[string]any)
	if kept["marked_for_deletion_on"] == nil || len(c.lab.Projects()) != 0 {
		t.Errorf("kept is %v, and there are %q", kept, c.lab.Projects())
	}
	c.must(http.StatusCreated, "POST", "/projects", again)
}

func TestGitLabGivesPages(t *testing.T) {
	c := newLab(t)
	id := c.project("shop")
	var all []map[string]any
	for i := range 5 {
		all = append(all, create(fmt.Sprintf("dir/%d", i), "x"))
		c.lab.AddVariable("ann/shop", fmt.Sprintf("V%d", i), "x", "*")
	}
	c.must(http.StatusCreated, "POST", "/projects/"+id+"/repository/commits", commitOf("main", "more", all...))
	c.lab.Paging(2)
	var keys []string
	for page := "1"; page != ""; {
		_, reply, header := c.do("GET", "/projects/"+id+"/variables?per_page=100&page="+page, nil)
		for _, v := range reply.([]any) {
			keys = append(keys, v.(map[string]any)["key"].(string))
		}
		page = header.Get("X-Next-Page")
	}
	if want := []string{"V0", "V1", "V2", "V3", "V4"}; !slices.Equal(keys, want) {
		t.Errorf("the variables are %q", keys)
	}
	var paths []string
	for next := "/projects/" + id + "/repository/tree?recursive=true&ref=main&pagination=keyset&per_page=100"; next != ""; {
		_, reply, header := c.do("GET", next, nil)
		for _, n := range reply.([]any) {
			paths = append(paths, n.(map[string]any)["path"].(string))
		}
		link, _, _ := strings.Cut(strings.TrimPrefix(header.Get("Link"), "<"), ">")
		next = strings.TrimPrefix(link, c.lab.URL+"/api/v4")
	}
	if want := []string{"dir", "a", "dir/0", "dir/1", "dir/2", "dir/3", "dir/4"}; !slices.Equal(paths, want) {
		t.Errorf("the tree has %q", paths)
	}
}

func TestARequestToGitLabGoesWrongInEachWay(t *testing.T) {
	c := newLab(t)
	id := c.project("shop")
	archived := func() bool { return c.lab.Archived("ann/shop") }
	for _, trouble := range []Trouble{{Status: 503}, {Status: 429, After: true}, {Cut: true}, {Cut: true, After: true}, {Half: true}, {Short: true}} {
		c.must(http.StatusCreated, "POST", "/projects/"+id+"/unarchive", nil)
		heal := c.lab.FailOn("POST /api/v4/projects", 1, trouble)
		c.must(http.StatusOK, "GET", "/projects/"+id, nil)
		status, reply, _, err := c.try("POST", "/projects/"+id+"/archive", nil)
		if !heal() {
			t.Errorf("%+v: it did not come", trouble)
		}
		switch {
		case trouble.Status != 0 && status != trouble.Status:
			t.Errorf("%+v: %d", trouble, status)
		case (trouble.Cut || trouble.Half) && err == nil:
			t.Errorf("%+v: %d", trouble, status)
		case trouble.Short && (status != http.StatusCreated || fmt.Sprintf("%T", reply) != "string"):
			t.Errorf("%+v: %d %v", trouble, status, reply)
		}
		if want := trouble.After || trouble.Half || trouble.Short; archived() != want {
			t.Errorf("%+v: archived is %t", trouble, archived())
		}
	}
}

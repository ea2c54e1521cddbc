package parts

import (
	"slices"
	"strings"
)

// Files are the contents of the files on a branch, by path; nil if there is no such branch.
func (l *Lab) Files(project, branch string) map[string]string {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	repo := l.must(project).repo
	head := repo.head(branch)
	if head == "" {
		return nil
	}
	entries, err := repo.list(head)
	if err != nil {
		l.t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if e.Type != "blob" {
			continue
		}
		content, err := repo.read(e.SHA)
		if err != nil {
			l.t.Fatal(err)
		}
		files[e.Path] = string(content)
	}
	return files
}

// Executable tells whether a file on a branch is.
func (l *Lab) Executable(project, branch, file string) bool {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	entries, err := l.must(project).repo.list("refs/heads/" + branch)
	if err != nil {
		l.t.Fatal(err)
	}
	return slices.ContainsFunc(entries, func(e gitEntry) bool { return e.Path == file && e.Mode == "100755" })
}

// Log is the messages of the commits of a branch, the last one first.
func (l *Lab) Log(project, branch string) []string {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	repo := l.must(project).repo
	var messages []string
	for _, c := range repo.log("refs/heads/" + branch) {
		messages = append(messages, strings.TrimSpace(c.message))
	}
	return messages
}

// Branches are the commits that the branches of a project are at, by name.
func (l *Lab) Branches(project string) map[string]string {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	heads, err := l.must(project).repo.branches()
	if err != nil {
		l.t.Fatal(err)
	}
	return heads
}

// SetFile is somebody who edits a file on a branch, with a commit of its own. The branch is made if it is missing.
func (l *Lab) SetFile(project, branch, file, content string) {
	l.t.Helper()
	l.edit(project, branch, "Edit "+file, func(repo *gitRepo) (gitEntry, error) {
		sha, err := repo.blob([]byte(content))
		return gitEntry{Mode: "100644", Type: "blob", SHA: sha, Path: file}, err
	})
}

// RemoveFile is somebody who removes a file from a branch.
func (l *Lab) RemoveFile(project, branch, file string) {
	l.t.Helper()
	l.edit(project, branch, "Remove "+file, func(*gitRepo) (gitEntry, error) { return gitEntry{Path: file}, nil })
}

func (l *Lab) edit(project, branch, message string, how func(*gitRepo) (gitEntry, error)) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.must(project)
	standard, heads, err := p.defaultBranch()
	if err != nil {
		l.t.Fatal(err)
	}
	head := heads[branch]
	base, tree := head, ""
	if base == "" {
		base = heads[standard]
	}
	var parents []string
	if base != "" {
		tree, parents = base, []string{base}
	}
	entry, err := how(p.repo)
	if err != nil {
		l.t.Fatal(err)
	}
	made, err := p.repo.tree(tree, []gitEntry{entry})
	if err != nil {
		l.t.Fatal(err)
	}
	sha, err := p.repo.commit(made, message, "somebody", l.now(), parents...)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := p.repo.move(branch, head, sha); err != nil {
		l.t.Fatal(err)
	}
}

// LabVariable is a CI/CD variable as a job sees it.
type LabVariable struct {
	Value                  string
	Masked, Protected, Raw bool
	Scope                  string
}

// Variables are those of a project, by key. Of several with one key it is the last.
func (l *Lab) Variables(project string) map[string]LabVariable {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]LabVariable{}
	for _, v := range l.must(project).variables {
		all[v.Key] = LabVariable{v.Value, v.Masked, v.Protected, v.Raw, v.Scope}
	}
	return all
}

// AddVariable is somebody who sets a variable for an environment ("*": all).
func (l *Lab) AddVariable(project, key, value, scope string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.must(project)
	p.variables = append(p.variables, labVariable{Key: key, Value: value, Type: "env_var", Scope: scope})
}

// LabRequest is a merge request.
type LabRequest struct {
	Number               int
	Source, Target       string
	Title, Text          string
	State                string // opened, closed or merged
	Commit               string // the head of the source branch
	RemovesBranchOnMerge bool
}

// MergeRequests are those of a project, the first one first.
func (l *Lab) MergeRequests(project string) []LabRequest {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.must(project)
	var all []LabRequest
	for _, r := range p.requests {
		l.request(p, r) // looks where the branch is
		all = append(all, LabRequest{r.iid, r.source, r.target, r.title, r.text, r.state, r.sha, r.removes})
	}
	return all
}

// Merge is somebody who agrees to a merge request, whose branch comes straight from its target.
func (l *Lab) Merge(project string, number int) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.must(project)
	r := p.requests[number-1]
	l.request(p, r)
	base := p.repo.head(r.target)
	if r.state != "opened" || !p.repo.ancestor(r.sha, base) {
		l.t.Fatalf("!%d cannot be merged", number)
	}
	sha, err := p.repo.commit(r.sha, "Merge branch '"+r.source+"' into '"+r.target+"'", "somebody", l.now(), base, r.sha)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := p.repo.move(r.target, base, sha); err != nil {
		l.t.Fatal(err)
	}
	r.state = "merged"
	if r.removes {
		if err := p.repo.move(r.source, r.sha, ""); err != nil {
			l.t.Fatal(err)
		}
	}
}

// Exists tells whether there is a project of that very path.
func (l *Lab) Exists(project string) bool { return slices.Contains(l.Projects(), project) }

// Archived tells whether a project is read-only.
func (l *Lab) Archived(project string) bool {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.must(project).archived
}

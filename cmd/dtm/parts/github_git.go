package parts

import (
	"errors"
	"strconv"
	"strings"
)

// hubGit is a repository as GitHub looks at it.
type hubGit struct{ *gitRepo }

// is tells whether there is an object of a kind: blob, tree or commit.
func (g hubGit) is(sha, kind string) bool {
	if len(sha) != 40 {
		return false
	}
	got, err := g.git(nil, nil, "cat-file", "-t", sha)
	return err == nil && strings.TrimSpace(string(got)) == kind
}

// A hubEntry is one line of a tree, with how large a file is.
type hubEntry struct {
	gitEntry
	size int
}

// entries are those of a tree, all the way down or not.
func (g hubGit) entries(tree string, through bool) ([]hubEntry, error) {
	args := []string{"ls-tree", "-z", "--long"}
	if through {
		args = append(args, "-r", "-t")
	}
	out, err := g.git(nil, nil, append(args, tree)...)
	if err != nil {
		return nil, err
	}
	var all []hubEntry
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		about, path, ok := strings.Cut(line, "\t")
		words := strings.Fields(about)
		if !ok || len(words) != 4 {
			continue // an empty tree
		}
		size, _ := strconv.Atoi(words[3]) // "-" for a tree
		all = append(all, hubEntry{gitEntry{Mode: words[0], Type: words[1], SHA: words[2], Path: path}, size})
	}
	return all, nil
}

// A hubPerson is who made a commit. Date is as in RFC 3339.
type hubPerson struct{ Name, Email, Date string }

// A hubCommit is what a commit says.
type hubCommit struct {
	sha, tree         string
	parents           []string
	author, committer hubPerson
	message           string
}

// write makes a commit, on no branch yet.
func (g hubGit) write(c hubCommit) (string, error) {
	args := []string{"commit-tree", c.tree}
	for _, p := range c.parents {
		args = append(args, "-p", p)
	}
	out, err := g.git([]byte(c.message), []string{
		"GIT_AUTHOR_NAME=" + c.author.Name, "GIT_AUTHOR_EMAIL=" + c.author.Email, "GIT_AUTHOR_DATE=" + c.author.Date,
		"GIT_COMMITTER_NAME=" + c.committer.Name, "GIT_COMMITTER_EMAIL=" + c.committer.Email, "GIT_COMMITTER_DATE=" + c.committer.Date,
	}, args...)
	return strings.TrimSpace(string(out)), err
}

// said is what one commit says.
func (g hubGit) said(sha string) (hubCommit, error) {
	all, err := g.log("--no-walk", sha)
	if err != nil {
		return hubCommit{}, err
	}
	return all[0], nil
}

// log are the commits that git log would show, newest first.
func (g hubGit) log(args ...string) ([]hubCommit, error) {
	out, err := g.git(nil, nil, append([]string{"log", "-z", "--format=%H%n%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B"}, args...)...)
	if err != nil {
		return nil, err
	}
	var all []hubCommit
	for text := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		f := strings.SplitN(text, "\n", 10)
		if len(f) < 10 {
			continue // no commit at all
		}
		all = append(all, hubCommit{
			sha: f[0], tree: f[1], parents: strings.Fields(f[2]),
			author: hubPerson{f[3], f[4], f[5]}, committer: hubPerson{f[6], f[7], f[8]},
			message: strings.TrimSuffix(f[9], "\n"),
		})
	}
	return all, nil
}

// setRef points a reference at a commit, and makes it if need be.
func (g hubGit) setRef(ref, sha string) error {
	_, err := g.git(nil, nil, "update-ref", ref, sha)
	return err
}

func (g hubGit) deleteRef(ref string) error {
	_, err := g.git(nil, nil, "update-ref", "-d", ref)
	return err
}

// merged is the tree of two commits brought together. It is "" if they contradict each other.
func (g hubGit) merged(base, head string) (string, error) {
	out, err := g.git(nil, nil, "merge-tree", "--write-tree", "--allow-unrelated-histories", base, head)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", nil
	}
	return strings.TrimSpace(string(out)), err
}

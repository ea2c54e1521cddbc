// Package scm speaks to the services that host code, GitHub and GitLab, in one way.
//
// A [Host] is one service as one credential sees it. What it writes is one commit at a time, made of blobs, a tree and a
// commit, so that nobody ever sees half of a change; what it compares are the SHA-1s of blobs, which Git itself computes,
// so that a file is read only where its content matters. Writes of one credential come one after another, as both services
// ask for; how long a rate limit lasts is waited for and reported. Nothing here decides what to write, and nothing is
// deleted in order to be changed.
package scm

import (
	"context"
	"crypto/sha1" // it is how Git names what it keeps
	"encoding/hex"
	"errors"
	"fmt"
)

// Host is a service that keeps repositories. Its methods are safe for use by many goroutines and return soon after ctx is
// done. Errors wrap [plugins.ErrNotFound] where there is no such thing, [ErrExists] and [ErrChanged], are
// [plugins.Retryable] where that may pass, and have a hint where the user can act; none has a credential in it.
type Host interface {
	Repositories
	Files
	Proposals
	Secrets
}

// Repositories are what a host keeps.
type Repositories interface {
	// Repository looks at a repository, under its name of today: one that was renamed or moved is found by its old name,
	// and Path tells the new one.
	Repository(ctx context.Context, path Path) (Repository, error)
	// Create makes an empty repository. That there is one wraps [ErrExists].
	Create(ctx context.Context, path Path, with Settings) (Repository, error)
	// Configure makes the settings of a repository what they are wanted to be, and changes none that it has already.
	Configure(ctx context.Context, path Path, with Settings) (Repository, error)
	// Archive makes a repository read-only. That it is so already is no error.
	Archive(ctx context.Context, path Path) error
	// Delete removes a repository and all that is in it. That it is gone is no error.
	Delete(ctx context.Context, path Path) error
}

// Files are what is in a repository's branches.
type Files interface {
	// List tells which of paths there are on a branch, and the commit that the branch is at: what a change of them is based
	// on. A branch or a repository without any commit has none, and an empty head. That there is no such repository wraps
	// plugins.ErrNotFound.
	List(ctx context.Context, path Path, branch string, paths []string) (Tree, error)
	// Read returns the content of a file on a branch.
	Read(ctx context.Context, path Path, branch, file string) ([]byte, error)
	// Commit puts one commit on a branch, which it makes, of the default branch, if it is missing; in an empty repository it
	// is the first. A branch that is no longer at change.Base wraps [ErrChanged]; that something which is no file is where one
	// is to be wraps [ErrExists]. A change that changes nothing makes no commit and returns the head.
	Commit(ctx context.Context, path Path, branch string, change Change) (commit string, err error)
}

// Proposals are changes that somebody is to agree to: pull requests on GitHub, merge requests on GitLab.
type Proposals interface {
	// Propose puts one commit on the branch from, which is made or brought back to base first, and opens a request to merge
	// it into base, or brings the one that is open up to date.
	Propose(ctx context.Context, path Path, from, base string, change Change) (Proposal, error)
	// Proposed is the open request to merge from into base. That there is none, or no such repository, wraps
	// plugins.ErrNotFound.
	Proposed(ctx context.Context, path Path, from, base string) (Proposal, error)
	// Withdraw closes the open request to merge from into base, and removes the branch from. That either is gone is no error.
	Withdraw(ctx context.Context, path Path, from, base string) error
}

// Secrets are what workflows are given: encrypted secrets on GitHub, CI/CD variables on GitLab.
type Secrets interface {
	// SecretNames are the names of those that a repository has, sorted. No service tells what they are.
	SecretNames(ctx context.Context, path Path) ([]string, error)
	// SetSecret makes or changes one.
	SetSecret(ctx context.Context, path Path, name, value string) error
	// DeleteSecret removes one. That it is gone is no error.
	DeleteSecret(ctx context.Context, path Path, name string) error
}

// ErrExists says that there is such a thing already.
var ErrExists = errors.New("it exists already")

// ErrChanged says that somebody else was faster: what a change was based on is not what is there.
var ErrChanged = errors.New("it was changed meanwhile")

// Path names a repository within its host. Owner is a user, an organisation, or on GitLab a group, which may be nested
// ("platform/tools"); Name is the repository's own.
type Path struct{ Owner, Name string }

func (p Path) String() string { return p.Owner + "/" + p.Name }

// Repository is what exists.
type Repository struct {
	// ID is the host's number for it, which no renaming changes.
	ID int64
	// Path is its name of today.
	Path Path
	Settings
	// OrgOwned tells whether the owner is an organisation or a group, and not a user.
	OrgOwned bool
	Archived bool
	// Empty tells whether it has no commit.
	Empty bool
	// DefaultBranch is empty where there is no commit.
	DefaultBranch string
	// WebURL is for browsers, CloneURL and SSHURL are for git.
	WebURL, CloneURL, SSHURL string
}

// Settings are those that can be wished for. An empty one is left to the service, and left as it is.
type Settings struct {
	Description string
	Visibility  Visibility
	// DefaultBranch is set as soon as there is such a branch.
	DefaultBranch string
}

// Visibility says who may see a repository.
type Visibility string

// GitHub has Internal in enterprises alone.
const (
	Private  Visibility = "private"
	Internal Visibility = "internal"
	Public   Visibility = "public"
)

// Tree is some files on a branch.
type Tree struct {
	// Head is the commit that the branch is at, "" if there is no such branch.
	Head string
	// Blobs are the SHA-1s of the files that there are, by path. A folder, a symbolic link and a submodule are no files.
	Blobs map[string]string
	// Executable are those of them that may be run.
	Executable map[string]bool
	// Blocked are the paths at which no file can be, by path: the path of what is in the way. That is the same one, or above
	// it that of something which is no folder.
	Blocked map[string]string
}

// File is what a file is to be.
type File struct {
	Content    []byte
	Executable bool
}

// Blob is the SHA-1 by which Git knows a file's content.
func (f File) Blob() string {
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", len(f.Content))
	h.Write(f.Content)
	return hex.EncodeToString(h.Sum(nil))
}

// Change is what one commit does.
type Change struct {
	// Base is the head that the change was made for, "" for a branch that is not there yet.
	Base string
	// Message is the commit's; its first line is the subject, and the title of a proposal.
	Message string
	// Put are files to be there, by path with slashes; Remove are paths of files to be gone.
	Put    map[string]File
	Remove []string
}

// Proposal is a pull request, or a merge request.
type Proposal struct {
	Number int
	WebURL string
	// Commit is the head of its branch, and Merged tells whether it has been merged already.
	Commit string
	Merged bool
}

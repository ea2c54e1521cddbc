package scm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

// changes is what there is to do to a branch.
type changes struct {
	head                       string
	put                        map[string]File
	created, replaced, removed []string
	// foreign are files to be removed that are somebody else's, and stay.
	foreign []string
}

func (c changes) none() bool { return len(c.put) == 0 && len(c.removed) == 0 }

// plan compares the branch with what is wanted. That a file is in the way that is not the tool's own wraps [ErrExists].
func plan(ctx context.Context, host Host, want, had Managed, last Kept) (changes, error) {
	paths := slices.Concat(slices.Collect(maps.Keys(want.Files)), slices.Collect(maps.Keys(had.Files)), slices.Collect(maps.Keys(last.Files)))
	slices.Sort(paths)
	paths = slices.Compact(paths)
	tree, err := host.List(ctx, want.Path, want.Branch, paths)
	if err != nil {
		return changes{}, fmt.Errorf("look at %s: %w", want.Path, err)
	}
	c := changes{head: tree.Head, put: map[string]File{}}
	for _, path := range paths {
		blob, there := tree.Blobs[path]
		file, wanted := want.Files[path]
		if wanted && there && blob == file.Blob() && tree.Executable[path] == file.Executable || !wanted && !there {
			continue
		}
		mine := true
		if there {
			if mine, err = owns(ctx, host, want, last, path, blob); err != nil {
				return changes{}, err
			}
		}
		switch {
		case wanted && !mine:
			return changes{}, &foreignError{at: want.Path, branch: want.Branch, file: path}
		case wanted && there:
			c.put[path], c.replaced = file, append(c.replaced, path)
		case wanted:
			c.put[path], c.created = file, append(c.created, path)
		case mine:
			c.removed = append(c.removed, path)
		default:
			c.foreign = append(c.foreign, path)
		}
	}
	for _, path := range paths {
		at := tree.Blocked[path]
		if _, wanted := want.Files[path]; wanted && at != "" && !slices.Contains(c.removed, at) {
			return changes{}, blockedError(want.Path, path, at+" is in the way")
		}
	}
	return c, nil
}

// owns tells whether a file is the tool's to change: as it was recorded, or carrying its marker. To adopt is to replace,
// never to remove.
func owns(ctx context.Context, host Host, want Managed, last Kept, path, blob string) (bool, error) {
	if _, wanted := want.Files[path]; wanted && want.Adopt || last.Files[path] == blob {
		return true, nil
	}
	if want.Marker == "" {
		return false, nil
	}
	content, err := host.Read(ctx, want.Path, want.Branch, path)
	if errors.Is(err, plugins.ErrNotFound) {
		return true, nil // gone since it was listed
	}
	if err != nil {
		return false, fmt.Errorf("read %s of %s: %w", path, want.Path, err)
	}
	return marked(content, want.Marker), nil
}

// bring makes the branch what is wanted, directly or by a proposal. c is what there is to do as far as is known.
func bring(ctx context.Context, host Host, c changes, want, had Managed, last Kept) error {
	for range maxAttempts {
		for _, path := range c.foreign {
			plugins.Report(ctx, fmt.Sprintf("%s stays: it was replaced by somebody else's", path))
		}
		switch {
		case c.none() && want.Through != "":
			if err := host.Withdraw(ctx, want.Path, want.Through, want.Branch); err != nil {
				return fmt.Errorf("withdraw %s of %s: %w", want.Through, want.Path, err)
			}
			return nil
		case c.none():
			return nil
		}
		err := c.write(ctx, host, want)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrChanged) {
			return err
		}
		if c, err = plan(ctx, host, want, had, last); err != nil {
			return err
		}
		plugins.Report(ctx, fmt.Sprintf("somebody else has written to %s meanwhile: again", want.Branch))
	}
	return plugins.Retryable(fmt.Errorf("commit to %s of %s: %w, %d times in a row", want.Branch, want.Path, ErrChanged, maxAttempts), 0)
}

func (c changes) write(ctx context.Context, host Host, want Managed) error {
	change := Change{Base: c.head, Message: c.message(want), Put: c.put, Remove: c.removed}
	if want.Through == "" {
		if _, err := host.Commit(ctx, want.Path, want.Branch, change); err != nil {
			return fmt.Errorf("commit to %s of %s: %w", want.Branch, want.Path, err)
		}
		return nil
	}
	if c.head == "" {
		return &noBaseError{at: want.Path, branch: want.Branch}
	}
	if proposed, err := c.proposed(ctx, host, want); err != nil || proposed {
		return err
	}
	proposal, err := host.Propose(ctx, want.Path, want.Through, want.Branch, change)
	if err != nil {
		return fmt.Errorf("propose to %s of %s: %w", want.Branch, want.Path, err)
	}
	plugins.Report(ctx, "proposed: "+proposal.WebURL)
	return nil
}

// proposed tells whether the request that is open asks for this very change.
func (c changes) proposed(ctx context.Context, host Host, want Managed) (bool, error) {
	paths := slices.Concat(slices.Collect(maps.Keys(c.put)), c.removed)
	tree, open, err := look(ctx, host, want.Path, want.Branch, want.Through, paths)
	if err != nil || open == nil {
		return false, err
	}
	for path, file := range c.put {
		if tree.Blobs[path] != file.Blob() {
			return false, nil
		}
	}
	return !slices.ContainsFunc(c.removed, func(path string) bool { return tree.Blobs[path] != "" }), nil
}

// look lists files as they will be once the open request is merged, if there is one.
func look(ctx context.Context, host Host, at Path, branch, through string, paths []string) (Tree, *Proposal, error) {
	var open *Proposal
	from := branch
	if through != "" {
		switch p, err := host.Proposed(ctx, at, through, branch); {
		case err == nil:
			open, from = &p, through
		case !errors.Is(err, plugins.ErrNotFound):
			return Tree{}, nil, fmt.Errorf("look for a request to merge %s of %s: %w", through, at, err)
		}
	}
	tree, err := host.List(ctx, at, from, paths)
	if err != nil {
		return Tree{}, nil, fmt.Errorf("look at %s: %w", at, err)
	}
	return tree, open, nil
}

// message names what is done, as in "ci: add .github/workflows/dtm-go.yml".
func (c changes) message(want Managed) string {
	verb, paths := "update", slices.Concat(c.created, c.replaced, c.removed)
	switch {
	case len(c.put) == 0:
		verb = "remove"
	case len(c.replaced)+len(c.removed) == 0:
		verb = "add"
	}
	subject := want.Subject
	if subject == "" {
		what := paths[0]
		if len(paths) > 1 {
			what = fmt.Sprintf("%d files", len(paths))
		}
		subject = "ci: " + verb + " " + what
	}
	return subject + "\n\nManaged by dtm: " + strings.Join(paths, ", ") + "\n"
}

func (c changes) preview(want Managed) plugins.Preview {
	var p plugins.Preview
	for action, paths := range map[string][]string{plugins.PartCreate: c.created, plugins.PartUpdate: c.replaced, plugins.PartDelete: c.removed} {
		for _, path := range paths {
			p.Parts = append(p.Parts, plugins.Part{Action: action, Name: path})
		}
	}
	slices.SortFunc(p.Parts, func(a, b plugins.Part) int { return strings.Compare(a.Name, b.Name) })
	if c.head == "" {
		p.Notes = append(p.Notes, fmt.Sprintf("there is no branch %s yet: it is made", want.Branch))
	}
	if want.Through != "" && !c.none() {
		p.Notes = append(p.Notes, fmt.Sprintf("proposed to %s from the branch %s: somebody has to merge it", want.Branch, want.Through))
	}
	for _, path := range c.foreign {
		p.Notes = append(p.Notes, path+" stays: it was replaced by somebody else's")
	}
	return p
}

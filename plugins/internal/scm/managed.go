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

// Managed is what a tool keeps in a repository: some files on a branch, and secrets for what runs there. Nothing else in
// the repository is looked at, and no two tools may have a file or a secret in common.
type Managed struct {
	Path   Path
	Branch string
	// Files are to be there, by path. Where only names matter, contents may be empty.
	Files map[string]File
	// Secrets are to be set, by name. Where only names matter, values may be empty. They are written anew by every [Keep],
	// for no service tells what they are.
	Secrets map[string]string
	// Marker is the text by which a file tells whose it is, see [MarkerOf]. If it is empty no file tells: then only what
	// was recorded is the tool's own.
	Marker string
	// Adopt lets files be replaced that are not the tool's own.
	Adopt bool
	// Through is the branch that a change is proposed on, "" to commit to Branch. It is the tool's own.
	Through string
	// Subject is the first line of the commit's message, "" for one that names the files.
	Subject string
}

// Kept is what there is of a [Managed], as a plugin records it. Blobs are what counts: the content is not kept.
type Kept struct {
	// Repository is "owner/name".
	Repository string `json:"repository"`
	Branch     string `json:"branch"`
	// Files are the SHA-1s of the blobs by path. A change that is proposed and not yet agreed to counts as done.
	Files map[string]string `json:"files"`
	// Secrets are the names of those that are set, sorted.
	Secrets []string `json:"secrets"`
}

// Others write to a branch as well: a commit that came too late is made again, at most so many times. Each time somebody
// else's has got through.
const maxAttempts = 20

// Keep makes the files and secrets of want, and removes those of had and last that are not wanted any more, in one commit or
// one proposal. Before anything is written it has seen that no file of somebody else is in the way: that wraps [ErrExists].
// What is there already is not written again. had and last are the zero values where there is nothing before. A request that
// is open is returned, nil if there is none. It may be repeated after it was interrupted at any point.
func Keep(ctx context.Context, host Host, want, had Managed, last Kept) (Kept, *Proposal, error) {
	if had.Path != (Path{}) && (had.Path != want.Path || had.Branch != want.Branch) {
		kept, open, err := Keep(ctx, host, want, Managed{}, Kept{})
		if err != nil {
			return Kept{}, nil, err
		}
		if err := Forget(ctx, host, had, last); err != nil {
			return Kept{}, nil, fmt.Errorf("remove what was kept in %s before: %w", had.Path, err)
		}
		return kept, open, nil
	}
	c, err := plan(ctx, host, want, had, last)
	if err != nil {
		return Kept{}, nil, err
	}
	// Secrets come first: the commit may start what needs them.
	for _, name := range slices.Sorted(maps.Keys(want.Secrets)) {
		if err := host.SetSecret(ctx, want.Path, name, want.Secrets[name]); err != nil {
			return Kept{}, nil, err
		}
	}
	if err := bring(ctx, host, c, want, had, last); err != nil {
		return Kept{}, nil, err
	}
	for _, name := range names(had, last) {
		if _, ok := want.Secrets[name]; ok {
			continue
		}
		if err := host.DeleteSecret(ctx, want.Path, name); err != nil {
			return Kept{}, nil, fmt.Errorf("remove the secret %s of %s: %w", name, want.Path, err)
		}
	}
	if had.Through != "" && had.Through != want.Through {
		if err := host.Withdraw(ctx, had.Path, had.Through, had.Branch); err != nil {
			return Kept{}, nil, fmt.Errorf("withdraw %s: %w", had.Through, err)
		}
	}
	return Find(ctx, host, want, Kept{})
}

// Find looks at what last remembers, or at what m names if it remembers nothing. It wraps [plugins.ErrNotFound] if none of
// the files is there, and changes nothing. A request that is open is returned, nil if there is none.
func Find(ctx context.Context, host Host, m Managed, last Kept) (Kept, *Proposal, error) {
	at, branch, paths, secrets := m.Path, m.Branch, slices.Sorted(maps.Keys(m.Files)), slices.Sorted(maps.Keys(m.Secrets))
	if last.Repository != "" {
		at, branch, paths, secrets = pathOf(last.Repository), last.Branch, slices.Sorted(maps.Keys(last.Files)), last.Secrets
	}
	tree, open, err := look(ctx, host, at, branch, m.Through, paths)
	if err != nil {
		return Kept{}, nil, err
	}
	kept := Kept{Repository: at.String(), Branch: branch, Files: map[string]string{}, Secrets: []string{}}
	for _, path := range paths {
		if blob, ok := tree.Blobs[path]; ok {
			kept.Files[path] = blob
		}
	}
	if len(kept.Files) == 0 {
		return Kept{}, nil, fmt.Errorf("%s of %s on %s: %w", strings.Join(paths, ", "), at, branch, plugins.ErrNotFound)
	}
	if len(secrets) > 0 {
		there, err := host.SecretNames(ctx, at)
		if err != nil {
			return Kept{}, nil, fmt.Errorf("secrets of %s: %w", at, err)
		}
		for _, name := range secrets {
			if slices.Contains(there, name) {
				kept.Secrets = append(kept.Secrets, name)
			}
		}
	}
	return kept, open, nil
}

// Forget removes the files and the secrets of had and last, and withdraws what is proposed. A file that somebody has replaced
// by one of their own stays. That something is gone, the repository included, is no error.
func Forget(ctx context.Context, host Host, had Managed, last Kept) error {
	nothing := Managed{Path: had.Path, Branch: had.Branch, Through: had.Through, Marker: had.Marker, Subject: had.Subject}
	c, err := plan(ctx, host, nothing, had, last)
	if err == nil {
		err = bring(ctx, host, c, nothing, had, last)
	}
	if errors.Is(err, plugins.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names(had, last) {
		if err := host.DeleteSecret(ctx, had.Path, name); err != nil {
			return fmt.Errorf("remove the secret %s of %s: %w", name, had.Path, err)
		}
	}
	return nil
}

// Foresee tells what Keep would do to files, and changes nothing.
func Foresee(ctx context.Context, host Host, want, had Managed, last Kept) (plugins.Preview, error) {
	if had.Path != want.Path || had.Branch != want.Branch {
		had, last = Managed{}, Kept{}
	}
	c, err := plan(ctx, host, want, had, last)
	if err != nil {
		return plugins.Preview{}, err
	}
	return c.preview(want), nil
}

// names are the secrets that were the tool's before, sorted.
func names(had Managed, last Kept) []string {
	all := slices.Concat(slices.Collect(maps.Keys(had.Secrets)), last.Secrets)
	slices.Sort(all)
	return slices.Compact(all)
}

// pathOf reads what [Path.String] wrote. Groups may be nested, names have no slash.
func pathOf(s string) Path {
	i := strings.LastIndexByte(s, '/')
	return Path{Owner: s[:max(i, 0)], Name: s[i+1:]}
}

package registry

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode"
)

// unpacking is the work of [unpack]: what it asks of each entry of an archive of either kind.
type unpacking struct {
	ctx    context.Context
	root   *os.Root
	limits limits

	bytes int64
	files int
	// seen are the names so far as a file system without cases sees them.
	seen map[string]string
	// folders are those that were made, with slashes.
	folders map[string]bool
}

func (u *unpacking) tooMany() error {
	return fmt.Errorf("the archive has more than %d files", u.limits.files)
}

// count is asked before each entry of whatever kind.
func (u *unpacking) count() error {
	if u.files++; u.files > u.limits.files {
		return u.tooMany()
	}
	return u.ctx.Err()
}

// place checks the name of an entry and makes the folders that it is in.
func (u *unpacking) place(name string) (string, error) {
	if err := u.count(); err != nil {
		return "", err
	}
	clean := path.Clean(name)
	switch {
	// Go's own check is the same on all systems, and what one of them refuses no archive needs.
	case !fs.ValidPath(clean), strings.ContainsAny(name, "\\:"), strings.ContainsFunc(name, unicode.IsControl), strings.Contains("/"+name+"/", "/../"):
		return "", fmt.Errorf("%q: such a name could lead out of the folder", name)
	case len(name) > 1000:
		return "", fmt.Errorf("%q…: the name is too long", name[:100])
	}
	return clean, u.parents(path.Dir(clean))
}

func (u *unpacking) folder(name string) error {
	clean, err := u.place(name)
	if err != nil {
		return err
	}
	return u.parents(clean)
}

// parents makes a folder and those it is in.
func (u *unpacking) parents(folder string) error {
	if u.folders[folder] {
		return nil
	}
	if err := u.parents(path.Dir(folder)); err != nil {
		return err
	}
	if err := u.claim(folder); err != nil {
		return err
	}
	u.folders[folder] = true
	return u.root.Mkdir(folder, 0o755)
}

// claim takes a name, which must not be there yet.
func (u *unpacking) claim(name string) error {
	folded := strings.ToLower(name)
	if other, taken := u.seen[folded]; taken {
		if other == name {
			return fmt.Errorf("%q is in the archive twice", name)
		}
		return fmt.Errorf("%q and %q are one file where names have no case", other, name)
	}
	u.seen[folded] = name
	return nil
}

// file writes one file, durably. Of its mode only counts whether it may be executed; nobody may write it again.
func (u *unpacking) file(name string, mode fs.FileMode, content io.Reader) error {
	clean, err := u.place(name)
	if err != nil {
		return err
	}
	if clean == "." {
		return fmt.Errorf("%q: a file has no name", name)
	}
	if err := u.claim(clean); err != nil {
		return err
	}
	perm := fs.FileMode(0o444)
	if mode&0o111 != 0 {
		perm = 0o555
	}
	f, err := u.root.OpenFile(clean, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer f.Close()
	into := &disk{f: f}
	n, err := io.Copy(into, io.LimitReader(bound{u.ctx, content}, u.limits.unpacked-u.bytes+1))
	u.bytes += n
	switch {
	case into.err != nil:
		return into.err
	case err != nil && u.ctx.Err() == nil:
		return fmt.Errorf("%w: %q: %w", errDamaged, name, err)
	case err != nil:
		return err
	case u.bytes > u.limits.unpacked:
		return fmt.Errorf("the archive has more than %d bytes when it is unpacked", u.limits.unpacked)
	}
	if err := f.Chmod(perm); err != nil { // the umask took from it
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// disk remembers that it was the disk that failed and not what is copied.
type disk struct {
	f   io.Writer
	err error
}

func (d *disk) Write(p []byte) (int, error) {
	n, err := d.f.Write(p)
	d.err = err
	return n, err
}

// sync makes durable which names the folders hold, unless something went wrong before.
func (u *unpacking) sync(before error) error {
	if before != nil {
		return nil
	}
	for folder := range u.folders {
		f, err := u.root.Open(folder)
		if err != nil {
			return err
		}
		err = syncFolder(f)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

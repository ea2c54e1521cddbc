package localfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/devstream-io/dtm/plugins"
)

// file is what is known of a file on disk.
type file struct {
	mode fs.FileMode
	size int64
	// sum is the hexadecimal SHA-256 of the content.
	sum string
	// info is set by write: which file it is, for os.SameFile.
	info fs.FileInfo
}

// read hashes the file at path. Links are followed: what counts is what a reader of path would see.
func read(ctx context.Context, path string) (file, error) {
	if err := ctx.Err(); err != nil {
		return file{}, err
	}
	// Without O_NONBLOCK, opening a named pipe waits for a writer, whatever happens to ctx.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if gone(err) {
		return file{}, plugins.ErrNotFound
	}
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return file{}, err
	}
	if err := checkRegular(info); err != nil {
		return file{}, err
	}
	hash := sha256.New()
	size := int64(0)
	// One byte more than expected, so that the end of a small file shows in the second read.
	buf := make([]byte, min(info.Size()+1, 1<<16))
	for {
		// Somebody may have put a file of any size there.
		if err := ctx.Err(); err != nil {
			return file{}, err
		}
		n, err := f.Read(buf)
		hash.Write(buf[:n])
		size += int64(n)
		if err == io.EOF {
			return file{mode: info.Mode(), size: size, sum: hex.EncodeToString(hash.Sum(nil))}, nil
		}
		if err != nil {
			return file{}, err
		}
	}
}

// write puts data at path, durably and in one step: whoever looks sees the old file or the new one. A link at path is
// replaced, not followed. What it returns is what read finds right after: the very bytes, and the mode that the file
// system says it keeps.
func write(path string, data []byte, mode fs.FileMode, createDirs bool) (file, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		// To replace /dev/null would be possible, too.
		if err := checkRegular(info); err != nil {
			return file{}, err
		}
	}
	draft := draftOf(path)
	f, err := open(draft, mode, createDirs)
	if err != nil {
		return file{}, err
	}
	info, err := fill(f, data, mode)
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		// If this fails too, the draft waits for the next write or delete of path.
		_ = os.Remove(draft)
		return file{}, err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return file{}, err
	}
	return file{mode: info.Mode(), size: info.Size(), sum: sum(data), info: info}, nil
}

// open makes the draft, which was not there before.
func open(draft string, mode fs.FileMode, createDirs bool) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(draft, flags, mode)
	if errors.Is(err, fs.ErrNotExist) {
		folder := filepath.Dir(draft)
		if !createDirs {
			return nil, plugins.Hinted(fmt.Errorf("folder %s: %w", folder, syscall.ENOENT), "set createDirs: true")
		}
		if err := makeDirs(folder); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(draft, flags, mode)
	}
	if errors.Is(err, fs.ErrExist) {
		if err := os.Remove(draft); err != nil {
			return nil, fmt.Errorf("clear what an interrupted write left: %w", err)
		}
		f, err = os.OpenFile(draft, flags, mode)
	}
	return f, err
}

// fill writes data to f, sees to the mode that the umask took bits from, makes both durable and closes f.
func fill(f *os.File, data []byte, mode fs.FileMode) (fs.FileInfo, error) {
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode() != mode {
		if err := f.Chmod(mode); err != nil {
			return nil, err
		}
		info, err = f.Stat()
	}
	if err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return info, f.Close()
}

// remove takes away the file or link at path and what an interrupted write of it left, durably. It is no error that
// there is nothing. If what is at path is the file keep, under another name, it stays.
func remove(path string, keep fs.FileInfo) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return nil
	case gone(err):
		if err := unlink(draftOf(path)); err != nil {
			return err
		}
		// An earlier remove may have been cut off before it came to this.
		if err := syncFolder(filepath.Dir(path)); err != nil && !gone(err) {
			return err
		}
		return nil
	case err != nil:
		return err
	case keep != nil && os.SameFile(info, keep):
		return nil
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		if err := checkRegular(info); err != nil {
			return err
		}
	}
	if err := errors.Join(unlink(draftOf(path)), unlink(path)); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func unlink(path string) error {
	if err := os.Remove(path); !gone(err) {
		return err
	}
	return nil
}

// draftOf is where the next content of path is written: beside path, to be on the same file system.
func draftOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".dtm")
}

// makeDirs is os.MkdirAll, durably. Other tools may make the same folders at the same time.
func makeDirs(folder string) error {
	err := os.Mkdir(folder, 0o777)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDirs(filepath.Dir(folder)); err != nil {
			return err
		}
		err = os.Mkdir(folder, 0o777)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(folder))
}

// syncFolder makes durable which names folder holds.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	// Some file systems have no notion of it, and say so.
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// gone tells that nothing is at a path, be it that a folder on the way there is a file now.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func checkRegular(info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return plugins.Hinted(errors.New("it is a folder"), "choose another filename or move the folder away")
	}
	return plugins.Hinted(errors.New("it is not a regular file"), "choose another filename")
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

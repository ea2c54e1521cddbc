// Package localfile manages one file beside the configuration: the smallest plugin there is, and the one to copy from.
//
// A file is replaced as a whole or not at all: a draft beside it is written, made durable and renamed. The draft's name
// follows from the file's and not from chance, as it would with google/renameio: so what a killed dtm leaves is found
// and cleared by the next write or delete of that file, without listing a folder that may hold thousands.
package localfile

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/devstream-io/dtm/plugins"
)

//go:embed schema.cue
var schema string

// Options is #Options of schema.cue.
type Options struct {
	Filename   string `json:"filename"`
	Content    string `json:"content"`
	Mode       string `json:"mode"`
	CreateDirs bool   `json:"createDirs"`
}

// Resource is what exists. The content itself is not kept, only its hash.
type Resource struct {
	// Path is absolute.
	Path string `json:"path"`
	// Mode is four octal digits, as in "0644".
	Mode string `json:"mode"`
	// SHA256 is the hash of the content in hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Size is in bytes.
	Size    int64   `json:"size"`
	Outputs Outputs `json:"outputs"`
}

// Outputs is #Outputs of schema.cue.
type Outputs struct {
	Filename string `json:"filename"`
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
}

// New makes the plugin. Relative filenames start at env.Dir; nothing else of env is used.
func New(env plugins.Env) plugins.Kind {
	return plugins.New("localfile", schema, plugin{dir: env.Dir})
}

type plugin struct {
	// dir is where relative filenames start.
	dir string
}

var (
	_ plugins.Plugin[Options, Resource]    = plugin{}
	_ plugins.Successor[Options, Resource] = plugin{}
	_ plugins.Identifier[Options]          = plugin{}
)

// Identity is the absolute path: two tools with one path would write the same file.
func (p plugin) Identity(o Options) string {
	path, err := p.path(o.Filename)
	if err != nil {
		return ""
	}
	return path
}

// Create writes the file. One that is already there is replaced: it may be what an interrupted Create left, of these or
// of earlier options.
func (p plugin) Create(ctx context.Context, want Options) (Resource, error) {
	resource, _, err := p.put(ctx, want)
	return resource, err
}

// Read looks at the file that is remembered, which is not the wanted one while a new filename waits for its Update.
func (p plugin) Read(ctx context.Context, want Options, last Resource) (Resource, error) {
	filename := last.Outputs.Filename
	if filename == "" {
		filename = want.Filename
	}
	path, err := p.path(filename)
	if err != nil {
		return Resource{}, err
	}
	f, err := read(ctx, path)
	if err != nil {
		return Resource{}, fmt.Errorf("read %s: %w", path, err)
	}
	return resource(filename, path, f), nil
}

// Update writes the file anew. If its filename has changed, the old file goes after the new one is safe on disk.
func (p plugin) Update(ctx context.Context, want, have Options, last Resource) (Resource, error) {
	written, f, err := p.put(ctx, want)
	if err != nil {
		return Resource{}, err
	}
	old, err := p.recorded(have, last)
	if err != nil || old == written.Path {
		return written, err
	}
	// Another spelling, a linked folder or a file system that ignores case: not every new name is a new file.
	if err := remove(old, f.info); err != nil {
		return Resource{}, fmt.Errorf("remove %s, the old name of %s: %w", old, written.Path, err)
	}
	return written, nil
}

// Delete removes the file, and what an interrupted write of it left. Folders stay, also those made by createDirs.
func (p plugin) Delete(ctx context.Context, have Options, last Resource) error {
	path, err := p.recorded(have, last)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	if err := remove(path, nil); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// Succeed takes over DevStream's resource, which is the filename and the content that was read back.
func (p plugin) Succeed(ctx context.Context, have Options, old []byte) (Resource, error) {
	var was struct {
		Filename string `json:"filename"`
		Content  string `json:"content"`
	}
	if err := json.Unmarshal(old, &was); err != nil {
		return Resource{}, fmt.Errorf("resource of DevStream: %w", err)
	}
	if have.Filename == "" {
		have.Filename = was.Filename
	}
	path, err := p.path(have.Filename)
	if err != nil {
		return Resource{}, err
	}
	mode, err := parseMode(have.Mode)
	if err != nil {
		return Resource{}, err
	}
	return resource(have.Filename, path, file{
		mode: mode,
		size: int64(len(was.Content)),
		sum:  sum([]byte(was.Content)),
	}), nil
}

// put makes the file into what is wanted.
func (p plugin) put(ctx context.Context, want Options) (Resource, file, error) {
	path, err := p.path(want.Filename)
	if err != nil {
		return Resource{}, file{}, err
	}
	mode, err := parseMode(want.Mode)
	if err != nil {
		return Resource{}, file{}, err
	}
	if err := ctx.Err(); err != nil {
		return Resource{}, file{}, fmt.Errorf("write %s: %w", path, err)
	}
	f, err := write(path, []byte(want.Content), mode, want.CreateDirs)
	if err != nil {
		return Resource{}, file{}, fmt.Errorf("write %s: %w", path, err)
	}
	return resource(want.Filename, path, f), f, nil
}

// resource is the one place that says what a file looks like in the journal.
func resource(filename, path string, f file) Resource {
	return Resource{
		Path:   path,
		Mode:   formatMode(f.mode),
		SHA256: f.sum,
		Size:   f.size,
		Outputs: Outputs{
			Filename: filename,
			Path:     path,
			SHA256:   f.sum,
		},
	}
}

// recorded is the path of the file that was applied. It follows the configuration's folder, and not the path of that
// time: a copy of a configuration with its state must not remove the files of the original.
func (p plugin) recorded(have Options, last Resource) (string, error) {
	if have.Filename == "" {
		return p.path(last.Outputs.Filename)
	}
	return p.path(have.Filename)
}

func (p plugin) path(filename string) (string, error) {
	switch {
	case filename == "":
		return "", errors.New("filename is empty")
	case strings.HasSuffix(filename, "/"):
		return "", fmt.Errorf("filename %q ends with a slash: it is to be a file, not a folder", filename)
	case filepath.IsAbs(filename):
		return filepath.Clean(filename), nil
	}
	return filepath.Join(p.dir, filename), nil
}

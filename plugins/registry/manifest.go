package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/Masterminds/semver/v3"

	"github.com/devstream-io/dtm/plugins"
)

const (
	manifestName = "plugin.json"
	schemaName   = "schema.cue"

	manifestVersion = 1
	protocolVersion = 1

	// longestText is how many bytes a manifest and a schema may have.
	longestText = 1 << 20
)

// Manifest is the plugin.json of a plugin: how it is run, and what it may know.
type Manifest struct {
	// Manifest is the version of this form: 1.
	Manifest int `json:"manifest"`
	// Name is an RFC 1123 label.
	Name string `json:"name"`
	// Version is a semantic version.
	Version string `json:"version"`
	// Protocol is the version of package protocol that the plugin speaks: 1.
	Protocol int `json:"protocol"`
	// Command is the program and its arguments. What begins with "./" is a file in the folder; a program that does not is
	// looked for on dtm's own PATH. It is run in the folder.
	Command []string `json:"command"`
	// Env names the variables of the user's environment that the process gets.
	Env []string `json:"env,omitempty"`
	// Precious is plugins.Kind's.
	Precious bool `json:"precious,omitempty"`
	// Description is one line about what the plugin is for.
	Description string `json:"description,omitempty"`
}

// ReadManifest reads plugin.json in dir and checks everything in it that needs no other file: see [Manifest.Check].
func ReadManifest(dir string) (Manifest, error) {
	data, err := readText(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, plugins.Hinted(fmt.Errorf("%s has no %s", dir, manifestName), "a plugin is a folder with that file; `dtm develop create-plugin` makes one")
	}
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", filepath.Join(dir, manifestName), err)
	}
	return m, nil
}

// readText reads a file that people write.
func readText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case info.Size() > longestText:
		return nil, fmt.Errorf("%s has more than %d bytes", path, longestText)
	}
	return os.ReadFile(path)
}

func parseManifest(data []byte) (Manifest, error) {
	var version struct {
		Manifest int `json:"manifest"`
	}
	// The form of a later version is not known here: its number comes before everything else that may be strange.
	if err := json.Unmarshal(data, &version); err == nil && version.Manifest > manifestVersion {
		return Manifest{}, plugins.Hinted(fmt.Errorf("manifest is %d, this dtm knows %d", version.Manifest, manifestVersion), "the plugin needs a newer dtm")
	}
	var m Manifest
	if err := strict(data, &m); err != nil {
		return Manifest{}, err
	}
	return m, m.valid()
}

// strict decodes JSON that has nothing unknown in it and nothing behind it.
func strict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the closing brace")
	}
	return nil
}

var (
	label    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func validName(name string) error {
	if !label.MatchString(name) {
		return plugins.Hinted(fmt.Errorf("%q is no name for a plugin", name), "it takes lower-case letters, digits and dashes inside, 63 at most")
	}
	return nil
}

func validVersion(version string) error {
	if _, err := semver.StrictNewVersion(version); err != nil {
		return plugins.Hinted(fmt.Errorf("%q is no version", version), "it takes three numbers, as in 1.2.3")
	}
	return nil
}

func (m Manifest) valid() error {
	switch {
	case m.Manifest != manifestVersion:
		return fmt.Errorf("manifest is %d, it must be %d", m.Manifest, manifestVersion)
	case m.Protocol > protocolVersion:
		return plugins.Hinted(fmt.Errorf("protocol is %d, this dtm speaks %d", m.Protocol, protocolVersion), "the plugin needs a newer dtm")
	case m.Protocol != protocolVersion:
		return fmt.Errorf("protocol is %d, it must be %d", m.Protocol, protocolVersion)
	}
	if err := validName(m.Name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if err := validVersion(m.Version); err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if err := validCommand(m.Command); err != nil {
		return fmt.Errorf("command: %w", err)
	}
	for i, name := range m.Env {
		switch {
		case !variable.MatchString(name):
			return fmt.Errorf("env: %q is no name of a variable", name)
		case slices.Contains(m.Env[:i], name):
			return fmt.Errorf("env: %s is there twice", name)
		case strings.HasPrefix(name, "DTM_") || strings.HasPrefix(name, "PLUGIN_"):
			return fmt.Errorf("env: %s is dtm's own to set", name)
		}
	}
	// It is shown on terminals.
	if strings.ContainsFunc(m.Description, func(r rune) bool { return !unicode.IsPrint(r) }) || len(m.Description) > 500 {
		return errors.New("description: it is one line of plain text, 500 bytes at most")
	}
	return nil
}

func validCommand(command []string) error {
	if len(command) == 0 || command[0] == "" {
		return errors.New("there is none")
	}
	for i, part := range command {
		if strings.ContainsFunc(part, unicode.IsControl) {
			return fmt.Errorf("%q has a control character in it", part)
		}
		_, inside := strings.CutPrefix(part, "./")
		switch {
		case part == ".." || strings.HasPrefix(part, "../"), inside && !filepath.IsLocal(part):
			return fmt.Errorf("%q leaves the folder", part)
		case i == 0 && !inside && strings.ContainsAny(part, `/\`):
			return plugins.Hinted(fmt.Errorf("%q is neither in the folder nor the mere name of a program", part), `a file in the folder begins with "./"`)
		}
	}
	return nil
}

// Check looks for the files that the manifest speaks of in dir: the program, if it is there and not on PATH, the other
// files of the command, and schema.cue.
func (m Manifest) Check(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for i, part := range m.Command {
		if !strings.HasPrefix(part, "./") {
			continue
		}
		info, err := root.Stat(part)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return plugins.Hinted(fmt.Errorf("command: %s is not there", part), "was the plugin built, and packed with it?")
		case err != nil: // a link that leads out of the folder, too
			return fmt.Errorf("command: %s: %w", part, err)
		case i > 0 && info.IsDir():
			continue
		case !info.Mode().IsRegular():
			return fmt.Errorf("command: %s is not a file", part)
		case i == 0 && info.Mode()&0o111 == 0:
			return plugins.Hinted(fmt.Errorf("command: %s is not executable", part), "chmod +x it before it is packed")
		}
	}
	if _, err := root.Stat(schemaName); err != nil {
		return plugins.Hinted(fmt.Errorf("there is no %s", schemaName), "it says what the plugin's options and outputs are")
	}
	return nil
}

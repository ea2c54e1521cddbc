package scaffold

import (
	"embed"
	"io/fs"
	"strings"
)

// golangVersion is the embedded template's. It grows whenever what the template gives changes, and with it what the next
// update of a repository would bring.
const golangVersion = "2"

//go:embed all:golang
var embedded embed.FS

// golang is the embedded template: a small HTTP service in Go.
func golang() (template, error) {
	t := template{origin: Origin{Source: "golang", Version: golangVersion}}
	c := newCollector()
	err := fs.WalkDir(embedded, "golang", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(path)
		if err != nil {
			return err
		}
		return c.add(strings.TrimPrefix(path, "golang/"), content, false)
	})
	t.files = c.files
	return t, err
}

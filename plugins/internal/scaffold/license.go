package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// licenseFile is where the license is. A template that has one of its own keeps it.
const licenseFile = "LICENSE"

//go:embed licenses/*
var licenses embed.FS

// licenseText is the text of a license by its SPDX name, nil for none.
func licenseText(name string) ([]byte, error) {
	if name == "" || name == "none" {
		return nil, nil
	}
	text, err := licenses.ReadFile("licenses/" + name + suffix)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, fmt.Errorf("there is no license %q here", name)
	}
	return text, err
}

func renderedLicense(text []byte, values map[string]any) (scm.File, error) {
	content, err := renderFile(licenseFile, text, values, maxFileSize)
	return scm.File{Content: content}, err
}

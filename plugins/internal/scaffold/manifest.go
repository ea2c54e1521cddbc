package scaffold

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/devstream-io/dtm/plugins"
	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// manifestFile is where a repository says what dtm has written into it. It comes with each commit of dtm, so it is there if
// and only if the files are. It carries the number of its repository: in a copy or a fork it means nothing.
const manifestFile = ".dtm.json"

// known is what is remembered of a repository.
type known struct {
	// Repository is the service's number for it.
	Repository int64  `json:"repository"`
	Adopted    bool   `json:"adopted,omitempty"`
	Template   Origin `json:"template"`
	// Files are the blobs that were written, by path.
	Files map[string]string `json:"files"`
}

// Origin is what files were made of.
type Origin struct {
	// Source is the template's name, or what options.template says, as far as it may be shown.
	Source string `json:"source"`
	// Version tells one content of it from another: the number of an embedded one, a commit, or a SHA-256.
	Version string `json:"version"`
}

// manifest is k as a file.
func (k known) manifest() (scm.File, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		About string `json:"about"`
		known
	}{"What dtm has written here, by the SHA-1s of its blobs. A file that is another by now is yours: dtm leaves it alone.", k})
	return scm.File{Content: b.Bytes()}, err
}

// recall reads the manifest on a branch of a repository. None, one of another repository and one that nobody can read are
// as good as nothing.
func recall(ctx context.Context, host scm.Host, repo scm.Repository, branch string) (known, error) {
	text, err := host.Read(ctx, repo.Path, branch, manifestFile)
	switch {
	case errors.Is(err, plugins.ErrNotFound):
		return known{}, nil
	case err != nil:
		return known{}, err
	}
	var k known
	if json.Unmarshal(text, &k) != nil || k.Repository != repo.ID {
		return known{}, nil
	}
	return k, nil
}

// remembered is what the journal knows.
func (r Resource) remembered() known {
	return known{Repository: r.ID, Adopted: r.Adopted, Template: r.Template, Files: r.Files}
}

// beginning is the description of a repository while it is made: it is set by the very request that makes it, so one that
// was left half made has it, and no other.
func beginning(at scm.Path) string {
	return fmt.Sprintf("dtm is making %s: not finished yet", lower(at))
}

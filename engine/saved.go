package engine

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/devstream-io/dtm/store"
)

// SavedPlan is a plan in a file: what was planned, and what it is bound to. To apply it, the plan is made again from the
// same configuration and must come out the same to the letter; so the file needs no secrets, and what has changed in the
// world since is noticed. Schema/plan.cue says what is in it as #SavedPlan.
type SavedPlan struct {
	FormatVersion string `json:"formatVersion"`
	// DTM is the version that has made it.
	DTM     string    `json:"dtm"`
	Created time.Time `json:"created"`
	// Config is the configuration as it was named, Digest its digest.
	Config string `json:"config"`
	Digest string `json:"digest"`
	// Plugins are those that are not built in, by name, each with what tells it from another: its version and, unless it is a
	// folder, the digest of its files.
	Plugins map[string]string `json:"plugins,omitempty"`
	// Options are how it was planned.
	Options SavedOptions    `json:"options"`
	Plan    json.RawMessage `json:"plan"`
	// Seal is an HMAC-SHA-256 of all that stands above, with the key of the journal.
	Seal string `json:"seal"`
}

// SavedOptions are how a saved plan was planned.
type SavedOptions struct {
	AllowEmpty bool    `json:"allowEmpty,omitempty"`
	Destroy    bool    `json:"destroy,omitempty"`
	Refresh    Refresh `json:"refresh"`
	Selection
}

// ErrPlanFile is wrapped when a file does not hold a plan that can be applied as it is. Nothing was changed.
var ErrPlanFile = errors.New("this plan cannot be applied")

func refused(format string, args ...any) error {
	return &planFileError{text: fmt.Sprintf(format, args...)}
}

type planFileError struct{ text string }

func (e *planFileError) Error() string { return ErrPlanFile.Error() + ": " + e.text }
func (e *planFileError) Unwrap() error { return ErrPlanFile }

// Hint says what the user can do about it.
func (e *planFileError) Hint() string { return "make a new one: dtm plan --out FILE" }

// Save fills in the plan and the seal of s, whose other fields are the caller's.
func (s *SavedPlan) Save(p *Plan) ([]byte, error) {
	s.FormatVersion, s.Digest = PlanFormat, p.config.Digest
	s.Options.Target, s.Options.Exclude = list(s.Options.Target), list(s.Options.Exclude)
	var err error
	if s.Plan, err = p.MarshalJSON(); err != nil {
		return nil, err
	}
	if s.Seal, err = s.seal(p.state.Key); err != nil {
		return nil, err
	}
	doc, err := encodeTree(s)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, doc, "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// ReadSavedPlan reads what Save has made. It wraps ErrPlanFile if it is not for a dtm of this version.
func ReadSavedPlan(data []byte, version string) (*SavedPlan, error) {
	var s SavedPlan
	if err := json.Unmarshal(data, &s); err != nil || s.FormatVersion == "" || s.Seal == "" || len(s.Plan) == 0 {
		return nil, refused("the file is not a plan of dtm, or it was cut short")
	}
	major, _, _ := strings.Cut(PlanFormat, ".")
	if theirs, _, _ := strings.Cut(s.FormatVersion, "."); theirs != major {
		return nil, refused("its format is %s, this dtm knows %s", s.FormatVersion, PlanFormat)
	}
	if s.DTM != version {
		return nil, refused("it was made by dtm %s, and this is %s", s.DTM, version)
	}
	return &s, nil
}

// Check refuses the plan if the state is not the one that it was made from, or somebody has edited it.
func (s *SavedPlan) Check(state *store.State) error {
	var bound struct {
		Serial  uint64 `json:"serial"`
		Lineage string `json:"lineage"`
	}
	if err := json.Unmarshal(s.Plan, &bound); err != nil {
		return refused("the file is not a plan of dtm, or it was cut short")
	}
	if bound.Lineage == "" && state.Lineage != "" {
		return refused("it is stale: there was no state yet when it was made")
	}
	if bound.Lineage != state.Lineage {
		return refused("it was made for another state (lineage %s, here %s)", orNone(bound.Lineage), orNone(state.Lineage))
	}
	seal, err := s.seal(state.Key)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(seal), []byte(s.Seal)) {
		return refused("the file was edited")
	}
	if bound.Serial != state.Serial {
		return refused("it is stale: the state was at entry %d and is at %d", bound.Serial, state.Serial)
	}
	return nil
}

// SamePlugins refuses the plan if the plugins that are there are not those that it was made with, which would do something
// else. What they are is as in Plugins.
func (s *SavedPlan) SamePlugins(now map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, there := s.Plugins[name]; !there {
			return refused("the plugin %s was not there when it was made", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Plugins)) {
		switch is, there := now[name]; {
		case !there:
			return refused("the plugin %s is not there any more", name)
		case is != s.Plugins[name]:
			return refused("it was made with the plugin %s %s, and this is %s", name, s.Plugins[name], is)
		}
	}
	return nil
}

func orNone(lineage string) string {
	if lineage == "" {
		return "none yet"
	}
	return lineage
}

// Same refuses a plan that was made again and is not the saved one.
func (s *SavedPlan) Same(p *Plan) error {
	if s.Digest != p.config.Digest {
		return refused("the configuration has changed since (the same -f and -t must be given)")
	}
	again, err := p.MarshalJSON()
	if err != nil {
		return err
	}
	if again, err = wordsAside(again); err != nil {
		return err
	}
	saved, err := wordsAside(s.Plan)
	if err != nil {
		return err
	}
	if !sameJSON(again, saved) {
		return refused("what exists has changed since, so it would do something else now")
	}
	return nil
}

func (s *SavedPlan) seal(key []byte) (string, error) {
	bare := *s
	bare.Seal = ""
	doc, err := json.Marshal(bare)
	if err != nil {
		return "", err
	}
	// The file may have been indented: what counts is what it says.
	tree, err := decodeTree(doc)
	if err == nil {
		doc, err = encodeTree(tree)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(doc)
	return hex.EncodeToString(mac.Sum(nil)), err
}

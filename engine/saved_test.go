package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/devstream-io/dtm/store/mem"
)

func (h *house) save(config string) []byte {
	h.Helper()
	s := SavedPlan{DTM: "1.2.3", Created: time.Unix(1, 0), Config: "config.yaml", Options: SavedOptions{Refresh: RefreshAll}}
	data, err := s.Save(h.plan(config))
	if err != nil {
		h.Fatal(err)
	}
	return data
}

// check is what an apply of the file does before it applies.
func (h *house) check(data []byte, version, config string) error {
	h.Helper()
	s, err := ReadSavedPlan(data, version)
	if err != nil {
		return err
	}
	if err := s.Check(h.state()); err != nil {
		return err
	}
	again := toolchain(config)
	if strings.Contains(config, "other") {
		again.Digest = "other"
	}
	return s.Same(h.planOf(again))
}

func TestASavedPlanIsAppliedAsItIsOrNotAtAll(t *testing.T) {
	const before, config = "a value=1", "a value=2 token=CANARY\nb value=@a.url"
	for name, test := range map[string]struct {
		change  func(h *house)
		edit    func(data []byte) []byte
		version string
		config  string
		want    string
	}{
		"nothing has changed": {},
		"it was indented in another way": {edit: func(data []byte) []byte {
			var b bytes.Buffer
			_ = json.Compact(&b, data)
			return b.Bytes()
		}},
		"another run":           {change: func(h *house) { h.apply(before + "\nc") }, want: "it is stale: the state was at entry 4 and is at 8"},
		"another state":         {change: func(h *house) { h.store = mem.New(); h.apply(before) }, want: "it was made for another state"},
		"another configuration": {config: config + "\nother", want: "the configuration has changed since"},
		"another version":       {version: "1.2.4", want: "it was made by dtm 1.2.3, and this is 1.2.4"},
		"drift":                 {change: func(h *house) { h.world.change("a", func(r *resource) { r.Rev = 9 }) }, want: "what exists has changed since"},
		"an edited value":       {edit: replace(`"2"`, `"3"`), want: "the file was edited"},
		"an edited digest":      {edit: replace(`"digest": "digest"`, `"digest": "other"`), want: "the file was edited"},
		"a newer format":        {edit: replace(`"formatVersion": "1.0",`, `"formatVersion": "2.0",`), want: "its format is 2.0, this dtm knows 1.0"},
		"cut short":             {edit: func(data []byte) []byte { return data[:len(data)-20] }, want: "not a plan of dtm"},
		"no plan at all":        {edit: func([]byte) []byte { return []byte("{}") }, want: "not a plan of dtm"},
		"empty":                 {edit: func([]byte) []byte { return nil }, want: "not a plan of dtm"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.apply(before)
			data := h.save(config)
			if strings.Contains(string(data), "CANARY") {
				t.Error("the file has a secret")
			}
			if test.change != nil {
				test.change(h)
			}
			if test.edit != nil {
				data = test.edit(data)
			}
			version, again := "1.2.3", config
			if test.version != "" {
				version = test.version
			}
			if test.config != "" {
				again = test.config
			}
			err := h.check(data, version, again)
			if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, ErrPlanFile) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, not %q", err, test.want)
			}
		})
	}
}

func TestASavedPlanIsForThePluginsThatItWasMadeWith(t *testing.T) {
	const was = "0.1.0 h1:one"
	h := newHouse(t)
	s := SavedPlan{DTM: "1.2.3", Plugins: map[string]string{"greeting": was}, Options: SavedOptions{Refresh: RefreshAll}}
	data, err := s.Save(h.plan("a"))
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadSavedPlan(data, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	for want, now := range map[string]map[string]string{
		"": {"greeting": was},
		"it was made with the plugin greeting 0.1.0 h1:one, and this is 0.1.0 h1:two": {"greeting": "0.1.0 h1:two"},
		"the plugin greeting is not there any more":                                   {},
		"the plugin other was not there when it was made":                             {"greeting": was, "other": was},
	} {
		err := read.SamePlugins(now)
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrPlanFile) || !strings.Contains(err.Error(), want)) {
			t.Errorf("the error is %v, not %q", err, want)
		}
	}
	edited := replace(was, "0.1.0 h1:two")(data)
	if err := h.check(edited, "1.2.3", "a"); err == nil || !strings.Contains(err.Error(), "the file was edited") {
		t.Errorf("another plugin in the file: %v", err)
	}
}

func replace(old, now string) func([]byte) []byte {
	return func(data []byte) []byte { return []byte(strings.Replace(string(data), old, now, 1)) }
}

func TestAPlanIsSavedBeforeThereIsAState(t *testing.T) {
	h := newHouse(t)
	if err := h.check(h.save("a"), "1.2.3", "a"); err != nil {
		t.Error(err)
	}
}

package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// finish checks what only the whole configuration can tell, references and dependencies, and fills in config.
func (l *Loader) finish(config *Config, drafts []draft, src source) error {
	var errs Errors
	ids := make(map[ID]bool, len(drafts))
	names := make([]string, 0, len(drafts))
	for _, d := range drafts {
		ids[d.id] = true
		names = append(names, string(d.id))
	}
	for _, d := range drafts {
		at := []string{"tools", d.id.Plugin(), d.id.Instance()}
		t := Tool{ID: d.id, Pos: src.place(at)}
		bad := func(path []string, msg, hint string) {
			path = append(at[:3:3], path...)
			if from := src.from(path); from != nil && from.Whole {
				hint = from.hint(hint)
			}
			errs.Add(src.place(path), pathString(path), msg, hint)
		}
		for i, dep := range d.dependsOn {
			path := []string{"dependsOn", strconv.Itoa(i)}
			id := ID(strings.TrimSpace(dep))
			switch {
			case id == "" || slices.Contains(t.DependsOn, id):
			case id == d.id:
				bad(path, fmt.Sprintf("tool %s depends on itself", id), "")
			case !ids[id]:
				bad(path, src.told(NoSuchTool, fmt.Sprintf("there is no tool %q", id)), didYouMean(nearestID(id, names)))
			default:
				t.DependsOn = append(t.DependsOn, id)
			}
		}
		t.Lifecycle = l.DefaultLifecycle(d.id.Plugin())
		if d.lifecycle != nil {
			t.Lifecycle = *d.lifecycle
			l.ignored(&t, bad)
		}
		canonical, refs, err := scanOptions(d.options)
		if err != nil {
			return fmt.Errorf("tools.%s.options: %w", d.id, err)
		}
		t.Options = canonical
		for _, r := range refs {
			if r.err != nil {
				bad(r.path, src.told(NoReference, r.err.Error()), "")
				continue
			}
			r.ref.Path = pathString(r.path)
			if r.ref.Env == "" {
				if msg, hint := l.dangling(d.id, r.ref, ids, names); msg != "" {
					kind := Dangling
					if len(r.ref.Key) > 1 || slices.ContainsFunc(r.path, isIndex) {
						kind = NoReference
					}
					bad(r.path, src.told(kind, msg), hint)
					continue
				}
			}
			t.References = append(t.References, r.ref)
		}
		config.Tools = append(config.Tools, t)
	}
	if len(errs) > 0 {
		return errs.Err()
	}
	return l.digest(config)
}

// digest leaves secrets out: it is recorded and has no key, so a weak one could be guessed from it.
func (l *Loader) digest(config *Config) error {
	sum := sha256.New()
	for i := range config.Tools {
		t := &config.Tools[i]
		text := t.Options
		if def := l.Definition(t.ID.Plugin()); def.HasSecret() {
			var options any
			err := json.Unmarshal(text, &options)
			if err != nil {
				return fmt.Errorf("tools.%s.options: %w", t.ID, err)
			}
			dropSecrets(options, def.Options)
			if text, err = marshal(options); err != nil {
				return err
			}
		}
		fmt.Fprintf(sum, "%s\x00%v\x00%s\x00", t.ID, t.DependsOn, text)
		// Left out where nothing was said, so that the digests of older versions hold.
		if !t.Lifecycle.Equal(DefaultLifecycle()) {
			lifecycle, err := marshal(t.Lifecycle)
			if err != nil {
				return err
			}
			fmt.Fprintf(sum, "%s\x00", lifecycle)
		}
	}
	config.Digest = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func dropSecrets(v any, fields []FieldDefinition) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			f := Find(fields, []string{name})
			switch {
			case f == nil:
			case f.Secret:
				delete(v, name)
			default:
				dropSecrets(value, f.Fields)
			}
		}
	case []any:
		for _, item := range v {
			if f := Find(fields, []string{"0"}); f != nil {
				dropSecrets(item, f.Fields)
			}
		}
	}
}

// dangling says what is wrong with a reference to an output, if anything is.
func (l *Loader) dangling(self ID, r Reference, ids map[ID]bool, names []string) (msg, hint string) {
	if r.Tool == self {
		return fmt.Sprintf("%s refers to the tool itself", r), ""
	}
	if !ids[r.Tool] {
		return fmt.Sprintf("%s refers to a tool that is not in the configuration", r), didYouMean(nearestID(r.Tool, names))
	}
	def := l.Definition(r.Tool.Plugin())
	if def == nil || Find(def.Outputs, r.Key) != nil || openOutput(def.Outputs, r.Key) {
		return "", ""
	}
	var outputs []string
	for _, f := range def.Outputs {
		outputs = append(outputs, f.Name)
	}
	return fmt.Sprintf("%s: plugin %s has no output %q, only %s", r, def.Name, strings.Join(r.Key, "."), strings.Join(outputs, ", ")),
		DidYouMean(r.Key[0], outputs)
}

// openOutput tells whether the key goes below an output whose inner shape the schema leaves open.
func openOutput(outputs []FieldDefinition, key []string) bool {
	for i := len(key) - 1; i > 0; i-- {
		if f := Find(outputs, key[:i]); f != nil {
			return len(f.Fields) == 0 && (f.Type == "_" || strings.Contains(f.Type, "..."))
		}
	}
	return false
}

// scanned is a reference that was found in the options, or what is wrong with it.
type scanned struct {
	path []string
	ref  Reference
	err  error
}

// scanOptions brings options into canonical form and finds the references, in the order of their paths.
func scanOptions(options json.RawMessage) (json.RawMessage, []scanned, error) {
	dec := json.NewDecoder(bytes.NewReader(options))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, nil, err
	}
	var refs []scanned
	if bytes.Contains(options, []byte(refOpen)) {
		scanValue(v, []string{"options"}, &refs)
	}
	canonical, err := marshal(v)
	return canonical, refs, err
}

func scanValue(v any, path []string, refs *[]scanned) {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			scanValue(v[k], append(path[:len(path):len(path)], k), refs)
		}
	case []any:
		for i := range v {
			scanValue(v[i], append(path[:len(path):len(path)], strconv.Itoa(i)), refs)
		}
	case string:
		parts, err := SplitReferences(v)
		if err != nil {
			*refs = append(*refs, scanned{path: path, err: err})
			return
		}
		for _, p := range parts {
			if p.Ref != nil {
				*refs = append(*refs, scanned{path: path, ref: *p.Ref})
			}
		}
	}
}

// marshal writes JSON with sorted keys and without HTML escapes.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

package workflow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

// Document is a file to be: either Data, which is encoded, or Text, which was rendered of somebody's template.
type Document struct {
	Data fields
	Text []byte
}

// fields are a map that keeps its order, for people read the file.
type fields []field

type field struct {
	key   string
	value any
}

// pinned is an action at one commit, which the comment behind it names for people.
type pinned struct{ action, sha, tag string }

// encode makes the file of the plugin of that name. What is returned is one YAML document and was compared with the data.
func (d Document) encode(plugin string) ([]byte, error) {
	head := "# This file is " + scm.MarkerOf(plugin) + ": change the toolchain, not the file. The next apply puts it back.\n"
	if d.Data == nil {
		if _, err := parse(d.Text); err != nil {
			return nil, err
		}
		if bytes.HasPrefix(d.Text, []byte("\xef\xbb\xbf")) {
			d.Text = d.Text[3:] // a byte order mark is one at the very beginning alone
		}
		return append([]byte(head), d.Text...), nil
	}
	n, err := node(d.Data)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(head)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	got, err := parse(b.Bytes())
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(got, plain(d.Data)) {
		return nil, errors.New("a name or a command cannot be written as YAML")
	}
	return b.Bytes(), nil
}

// parse reads YAML whose every document is a map, and returns the last: what comes before it is a header.
func parse(text []byte) (data map[string]any, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var next map[string]any
		err := dec.Decode(&next)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("it is no YAML with a map at its top: %w", err)
		}
		data = next
	}
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	return data, nil
}

// node is v as YAML: strings, numbers, booleans, lists and fields.
func node(v any) (*yaml.Node, error) {
	switch v := v.(type) {
	case fields:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range v {
			key, err := node(f.key)
			if err != nil {
				return nil, err
			}
			if f.key == "on" {
				// Nothing that reads workflows takes it for a boolean.
				key = &yaml.Node{Kind: yaml.ScalarNode, Value: "on"}
			}
			value, err := node(f.value)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, key, value)
		}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n, nil
	case []fields:
		return list(v)
	case []string:
		n, err := list(v)
		if err == nil {
			n.Style = yaml.FlowStyle
		}
		return n, err
	case block:
		return list(v)
	case pinned:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.action + "@" + v.sha, LineComment: "# " + v.tag}, nil
	}
	n := &yaml.Node{}
	if text, ok := v.(string); ok && strings.Contains(text, "\n") {
		n.SetString(text)
		if strings.ContainsAny(text, "\t\r") || strings.TrimLeft(text, " \n") != text {
			// As a block, the library would write it and not read the same back.
			n.Style = yaml.DoubleQuotedStyle
		}
		return n, nil
	}
	return n, n.Encode(v)
}

func list[T any](all []T) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, v := range all {
		element, err := node(v)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, element)
	}
	return n, nil
}

// plain is v as a parser returns it.
func plain(v any) any {
	switch v := v.(type) {
	case fields:
		m := make(map[string]any, len(v))
		for _, f := range v {
			m[f.key] = plain(f.value)
		}
		return m
	case []fields:
		all := make([]any, len(v))
		for i := range v {
			all[i] = plain(v[i])
		}
		return all
	case []string:
		all := make([]any, len(v))
		for i := range v {
			all[i] = v[i]
		}
		return all
	case block:
		return plain([]string(v))
	case pinned:
		return v.action + "@" + v.sha
	}
	return v
}

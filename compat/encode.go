package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// EncodeYAML writes what encoding/json makes of v as YAML, indented by two blanks. Keys stay in the order of that JSON:
// those of a json.RawMessage as they are there, of a struct as it is declared, of a Go map sorted. Strings that a reader
// of YAML 1.1 would take for something else, as "yes", are quoted. An error of v is returned before anything is written.
func EncodeYAML(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode as JSON: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	root, err := node(dec)
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("encode as YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("encode as YAML: %w", err)
	}
	return nil
}

// node reads the next JSON value as a tree for the YAML library.
func node(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if t == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		for dec.More() {
			// In a map the keys come as values of their own.
			child, err := node(dec)
			if err != nil {
				return nil, err
			}
			if isKey := t == '{' && len(n.Content)%2 == 0; isKey && child.Style == yaml.LiteralStyle {
				child.Style = yaml.DoubleQuotedStyle
			}
			n.Content = append(n.Content, child)
		}
		_, err := dec.Token()
		return n, err
	case string:
		return stringNode(t), nil
	case json.Number:
		return plainNode(resolve(t.String()), t.String()), nil
	case bool:
		if t {
			return plainNode("!!bool", "true"), nil
		}
		return plainNode("!!bool", "false"), nil
	}
	return plainNode("!!null", "null"), nil
}

func plainNode(tag, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}

func stringNode(text string) *yaml.Node {
	n := plainNode("!!str", text)
	switch {
	case isBlock(text):
		n.Style = yaml.LiteralStyle
	case isOldBool(text), isOldNumber(text), strings.ContainsAny(text, "\n\r\u0085\u2028\u2029\ufeff"):
		// The library quotes what it would itself read as something else, and no more.
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// isBlock tells whether text is best read as lines below one another. The library writes some blocks that it cannot read:
// those with blanks where the indentation is counted.
func isBlock(text string) bool {
	return strings.Contains(text, "\n") && !strings.ContainsAny(text, "\r\u0085\u2028\u2029\ufeff") &&
		strings.IndexByte(" \t\n", text[0]) < 0 && !strings.Contains(text, "\n\t")
}

// isOldBool tells whether YAML 1.1 has the word for a boolean.
func isOldBool(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	}
	return false
}

// isOldNumber tells whether s may be one of YAML 1.1's numbers to the base 60, as 1:30.
func isOldNumber(s string) bool {
	return strings.Contains(s, ":") && strings.Trim(s, "+-0123456789_:.") == ""
}

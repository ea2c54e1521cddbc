package compat

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/devstream-io/dtm/schema"
)

// appendJSON appends a value as JSON, its fields in the order written.
func appendJSON(b []byte, v schema.Value) []byte {
	switch v.Kind {
	case schema.Null:
		return append(b, "null"...)
	case schema.String:
		return appendString(b, v.Text)
	case schema.List:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	case schema.Map:
		b = append(b, '{')
		for i, f := range v.Fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, f.Name), ':')
			b = appendJSON(b, f.Value)
		}
		return append(b, '}')
	}
	return append(b, v.Text...)
}

func appendString(b []byte, s string) []byte {
	simple := !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r > '~' || r == '"' || r == '\\'
	})
	if simple {
		return append(append(append(b, '"'), s...), '"')
	}
	out := bytes.NewBuffer(b)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	// A string is always encoded, and a buffer takes everything.
	_ = enc.Encode(s)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

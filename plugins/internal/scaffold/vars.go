package scaffold

import (
	"bytes"
	"encoding/json"
)

// Vars are strings, booleans, int64 and float64 by name, for templates.
type Vars map[string]any

// UnmarshalJSON leaves whole numbers whole: a template would print a float64 of a million as 1e+06.
func (v *Vars) UnmarshalJSON(data []byte) error {
	var all map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&all); err != nil {
		return err
	}
	for name, one := range all {
		n, ok := one.(json.Number)
		if !ok {
			continue
		}
		if whole, err := n.Int64(); err == nil {
			all[name] = whole
			continue
		}
		broken, err := n.Float64()
		if err != nil {
			return err
		}
		all[name] = broken
	}
	*v = all
	return nil
}

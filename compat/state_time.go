package compat

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// SameTime tells whether what was written without quotes is the time that DevStream recorded of it: of 2022-01-01 it made
// 2022-01-01T00:00:00Z.
func SameTime(written, recorded string) bool {
	at, err := time.Parse(time.RFC3339Nano, recorded)
	if err != nil || resolve(written) != "!!timestamp" {
		return false
	}
	var is time.Time
	return yaml.Unmarshal([]byte(written), &is) == nil && is.Equal(at)
}

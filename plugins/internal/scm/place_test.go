package scm_test

import (
	"testing"

	"github.com/devstream-io/dtm/plugins/internal/scm"
)

func TestOneServiceHasOneNameWhateverTheFormOfItsAddress(t *testing.T) {
	for address, want := range map[string]string{
		"":                                "github.com",
		"https://github.com":              "github.com",
		"https://api.github.com/":         "github.com",
		"https://GHE.example.com/api/v3/": "ghe.example.com",
		"http://ghe.example.com:8443":     "ghe.example.com:8443",
		"https://git.example.com/api/v4":  "git.example.com",
		"https://api.example.com":         "api.example.com",
	} {
		if got := scm.Place("github.com", address); got != want {
			t.Errorf("%q is %s, want %s", address, got, want)
		}
	}
}

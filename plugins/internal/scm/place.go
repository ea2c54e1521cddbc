package scm

import (
	"cmp"
	"strings"
)

// Place is what people call the service at an address, as in "github.com" or "git.example.org:8443": one service has one name,
// whatever the form of its address. public is the public service's name, which an empty address means.
func Place(public, address string) string {
	place := strings.ToLower(cmp.Or(address, public))
	if _, rest, ok := strings.Cut(place, "://"); ok {
		place = rest
	}
	place = strings.TrimRight(place, "/")
	for _, api := range []string{"/api/v3", "/api/v4"} {
		place = strings.TrimSuffix(place, api)
	}
	if place == "api."+public {
		return public
	}
	return place
}

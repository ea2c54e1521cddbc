package parts_test

import (
	"net/http"
	"testing"

	"github.com/devstream-io/dtm/cmd/dtm/parts"
)

func TestEveryPartOfARegistryIsThere(t *testing.T) {
	for user, want := range map[string]int{"": http.StatusOK, "anna": http.StatusUnauthorized} {
		address := parts.ServeRegistry(t, user, "secret")
		reply, err := http.Get("http://" + address + "/v2/")
		if err != nil {
			t.Fatal(err)
		}
		if err := reply.Body.Close(); err != nil || reply.StatusCode != want {
			t.Errorf("for %q: %s, %v", user, reply.Status, err)
		}
	}
}

package accident

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// follow asks until a request does not come any more, and tells which went wrong, and how.
func follow(t *testing.T, name string, hadEffect bool) (wrong []int, ways map[string]bool) {
	t.Helper()
	const requests = 24
	effects := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		effects++
		fmt.Fprint(w, `{"what": "was asked for"}`)
	}))
	defer server.Close()
	l := &Line{}
	client := &http.Client{Transport: l}
	ways = map[string]bool{}
	for n := 1; ; n++ {
		heal := l.Fail(name, n, hadEffect)
		effects = 0
		for request := 1; request <= requests; request++ {
			var said string
			response, err := client.Get(server.URL)
			if err != nil {
				said = err.Error()
			} else {
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				said = fmt.Sprint(response.StatusCode, " ", string(body), err)
			}
			if !strings.Contains(said, `was asked for"}<nil>`) {
				wrong = append(wrong, request)
				ways[said] = true
			}
		}
		if !heal() {
			if effects != requests {
				t.Errorf("%d effects without an accident", effects)
			}
			return wrong, ways
		}
		if want := requests - 1; !hadEffect && effects != want || hadEffect && effects != requests {
			t.Errorf("accident %d: %d effects", n, effects)
		}
	}
}

func TestEveryRequestGoesWrongBeforeAndAfterItsEffect(t *testing.T) {
	for _, hadEffect := range []bool{false, true} {
		went := map[int]int{}
		for _, name := range []string{"T/create_can_be_repeated_when", "T/create_can_be_deleted_when", "T/delete_can_be_repeated_when"} {
			wrong, ways := follow(t, name, hadEffect)
			for _, request := range wrong {
				went[request]++
			}
			all := len(before())
			if hadEffect {
				all = len(after())
			}
			if len(ways) != all {
				t.Errorf("%s: %d ways of %d: %v", name, len(ways), all, ways)
			}
		}
		for request := 1; request <= 24; request++ {
			if went[request] != 2 { // of what is made, and of what is deleted
				t.Errorf("request %d went wrong %d times", request, went[request])
			}
		}
	}
}

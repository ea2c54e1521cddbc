package parts

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// trelloAsks makes a request with the user's credentials, in the address if it is a GET and as a form otherwise.
func trelloAsks(t *testing.T, k *Kanban, method, path string, parameters url.Values) (status int, body string) {
	t.Helper()
	var form io.Reader
	if method != http.MethodGet {
		form = strings.NewReader(parameters.Encode())
	} else if len(parameters) > 0 {
		path += "?" + parameters.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, k.URL+path, form)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Authorization", fmt.Sprintf("OAuth oauth_consumer_key=%q, oauth_token=%q", k.Key, k.Token))
	return asks(t, r)
}

func asks(t *testing.T, r *http.Request) (status int, body string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func TestTrelloKeepsWhatRequestsMake(t *testing.T) {
	k := Trello(t)
	must := func(method, path string, parameters url.Values, contains string) {
		t.Helper()
		if status, body := trelloAsks(t, k, method, path, parameters); status != http.StatusOK || !strings.Contains(body, contains) {
			t.Fatalf("%s %s: %d %s", method, path, status, body)
		}
	}
	must("POST", "/1/boards", url.Values{"name": {"One"}}, `"name":"One"`)
	b := k.Boards()[0]
	if len(b.Lists) != 3 || b.Lists[1].Name != "Doing" {
		t.Errorf("without defaultLists the board is %+v", b)
	}
	must("POST", "/1/lists", url.Values{"idBoard": {b.ID}, "name": {"First"}}, `"pos":16384`)
	must("PUT", "/1/boards/"+b.ID, url.Values{"closed": {"true"}}, `"closed":true`)
	must("GET", "/1/members/me/boards", url.Values{"filter": {"open"}}, "[]")
	must("GET", "/1/members/me/boards", url.Values{"filter": {"all"}, "fields": {"name"}}, `[{"id":"`+b.ID+`","name":"One"}]`)
	if status, body := trelloAsks(t, k, "POST", "/1/lists", url.Values{"idBoard": {b.ID}, "name": {"x"}}); status != 400 {
		t.Errorf("an archived board takes a list: %d %s", status, body)
	}
	must("DELETE", "/1/boards/"+b.ID, nil, "null")
	if status, _ := trelloAsks(t, k, "GET", "/1/boards/"+b.ID, nil); status != 404 {
		t.Errorf("a deleted board answers %d", status)
	}
}

func TestTrelloFailsTheTestThatAsksForWhatTrelloDoesNotHave(t *testing.T) {
	c := &complaints{TB: t}
	k := Trello(c)
	id := k.AddBoard("One", "")
	for _, m := range []struct {
		method, path string
		parameters   url.Values
		complaint    string
	}{
		{"GET", "/1/boards/" + id, url.Values{"field": {"name"}}, "there is no parameter field"},
		{"GET", "/1/boards/" + id, url.Values{"fields": {"name,titel"}}, "invalid value for fields"},
		{"GET", "/1/boards/" + id, url.Values{"fields": {"id", "name"}}, "fields is there 2 times"},
		{"POST", "/1/boards", url.Values{"desc": {"x"}}, "the parameter name is missing"},
		{"POST", "/1/boards", url.Values{"name": {""}}, "invalid value for name"},
		{"PUT", "/1/boards/" + id, url.Values{"closed": {"yes"}}, "invalid value for closed"},
		{"POST", "/1/lists", url.Values{"name": {"x"}, "idBoard": {"One"}}, "invalid value for idBoard"},
		{"POST", "/1/lists", url.Values{"name": {"x"}, "idBoard": {id}, "pos": {"-1"}}, "invalid value for pos"},
		{"DELETE", "/1/lists/" + id, nil, "nothing is known of that"},
		{"GET", "/1/members/me", url.Values{"key": {k.Key}}, "there are credentials in the address"},
	} {
		c.all = nil
		status, _ := trelloAsks(t, k, m.method, m.path, m.parameters)
		if status < 400 || len(c.all) == 0 || !strings.Contains(c.all[0], m.complaint) {
			t.Errorf("%s %s %v: %d, %q", m.method, m.path, m.parameters, status, c.all)
		}
	}
	if got := k.Boards(); len(got) != 1 || len(got[0].Lists) != 0 {
		t.Errorf("a wrong request has an effect: %+v", got)
	}
}

func TestTrelloKnowsItsUserByTheHeader(t *testing.T) {
	k := Trello(t)
	for header, want := range map[string]string{
		"": "invalid key",
		fmt.Sprintf("OAuth oauth_consumer_key=%q, oauth_token=%q", "x", k.Token): "invalid key",
		fmt.Sprintf("OAuth oauth_consumer_key=%q, oauth_token=%q", k.Key, "x"):   "invalid token",
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", k.URL+"/1/members/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", header)
		if status, body := asks(t, r); status != 401 || strings.TrimSpace(body) != want {
			t.Errorf("%q: %d %s", header, status, body)
		}
	}
}

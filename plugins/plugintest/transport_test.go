package plugintest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func TestTransportFailsTheNthRequestOnTheSideAskedFor(t *testing.T) {
	for _, when := range []When{Before, After} {
		t.Run(when.String(), func(t *testing.T) {
			var served atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
			defer server.Close()
			transport := &Transport{Base: server.Client().Transport}
			client := &http.Client{Transport: transport}
			get := func() error {
				response, err := client.Get(server.URL)
				if err != nil {
					return err
				}
				return response.Body.Close()
			}

			heal := transport.Fail(2, when)
			if err := get(); err != nil {
				t.Fatalf("request 1: %v", err)
			}
			if err := get(); !errors.Is(err, errTransport) {
				t.Fatalf("request 2: %v, want %v", err, errTransport)
			}
			if err := get(); err != nil {
				t.Fatalf("request 3: %v", err)
			}
			if !heal() {
				t.Error("heal says that the request never came")
			}
			want := int32(2)
			if when == After {
				want = 3
			}
			if got := served.Load(); got != want {
				t.Errorf("served %d requests, want %d", got, want)
			}

			heal = transport.Fail(2, when)
			if err := get(); err != nil {
				t.Fatal(err)
			}
			if heal() {
				t.Error("heal says that a request failed that never came")
			}
			if err := get(); err != nil {
				t.Errorf("after heal: %v", err)
			}
		})
	}
}

package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v45/github"
)

func TestHubLimits(t *testing.T) {
	h, _ := shopHub(t)
	token := h.Token("alice")
	c := hubClient(h, token)
	repo, reply, err := c.Repositories.Get(t.Context(), "acme", "shop")
	if err != nil || reply.Rate.Limit != hubLimit || reply.Rate.Remaining != hubLimit-1 {
		t.Errorf("%v, %v has %v left", repo, err, reply.Rate)
	}
	limits := need[*github.RateLimits](t)(c.RateLimits(t.Context()))
	if limits.GetCore().Remaining != hubLimit-1 {
		t.Errorf("asking costs: %v", limits)
	}
	until := time.Now().Add(time.Hour)
	h.Exhaust(token, until)
	_, _, err = c.Repositories.Get(t.Context(), "acme", "shop")
	refused(t, 403, "API rate limit exceeded", err)
	var limit *github.RateLimitError
	if !errors.As(err, &limit) || limit.Rate.Remaining != 0 || limit.Rate.Reset.Before(until) || limit.Rate.Reset.After(until.Add(time.Second)) {
		t.Errorf("it is %v until %v", limit, until)
	}
	h.Exhaust(token, time.Time{})
	if _, _, err := hubClient(h, token).Repositories.Get(t.Context(), "acme", "shop"); err != nil {
		t.Error(err)
	}
}

func TestHubFaults(t *testing.T) {
	h, c := shopHub(t)
	ctx := t.Context()
	create := func(name string) error {
		_, _, err := c.Repositories.Create(ctx, "acme", &github.Repository{Name: github.String(name)})
		return err
	}
	for _, status := range []int{401, 403, 404, 409, 422, 429, 500, 502, 503} {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("r%d-%v", status, after)
			heal := h.Break(2, HubFault{Status: status, After: after, Match: "POST /orgs/"})
			if err := create("first-" + name); err != nil {
				t.Error(err)
			}
			refused(t, status, http.StatusText(status), create(name))
			if made := slices.Contains(h.Repos(), "acme/"+name); made != after {
				t.Errorf("%s: made is %v", name, made)
			}
			if err := create("third-" + name); err != nil {
				t.Error(err)
			}
			if !heal() {
				t.Errorf("%s: it did not come", name)
			}
		}
	}
	h.Cut(1, true)
	if err := create("cut"); err == nil || !slices.Contains(h.Repos(), "acme/cut") {
		t.Errorf("cut: %v", err)
	}
	h.Break(1, HubFault{Half: true})
	if err := create("half"); !errors.Is(err, io.ErrUnexpectedEOF) || !slices.Contains(h.Repos(), "acme/half") {
		t.Errorf("half: %v", err)
	}
	for _, status := range []int{403, 429} {
		h.Break(1, SecondaryLimit(status, 1500*time.Millisecond))
		_, reply, err := c.Repositories.Get(ctx, "acme", "shop")
		if err == nil || reply.StatusCode != status || reply.Header.Get("Retry-After") != "2" || !strings.Contains(err.Error(), "secondary rate limit") {
			t.Errorf("limited: %v, %v", reply, err)
		}
	}
	foreign := GitHub(t)
	h.Break(1, HubFault{Status: 307, Header: http.Header{"Location": {foreign.URL + "user"}}})
	_, _, err := c.Users.Get(ctx, "")
	refused(t, 401, "Bad credentials", err)
	if got := foreign.Seen(); len(got) != 1 || !got[0].Credential || got[0].User != "" || "http://"+got[0].Host+"/" != foreign.URL {
		t.Errorf("the foreign one has seen %+v", got)
	}
	h.Break(1, HubFault{Status: 307, Header: http.Header{"Location": {h.URL + "user"}}, Times: -1, Match: "GET /orgs"})
	if got, _, err := c.Users.Get(ctx, ""); err != nil || got.GetLogin() != "alice" {
		t.Errorf("led to %v, %v", got, err)
	}
	heal := h.Fail(1, false)
	if heal() {
		t.Error("a fault came without a request")
	}
	heal = h.Break(1, HubFault{Slow: true})
	early, cancel := context.WithCancel(ctx)
	defer cancel()
	before := len(h.Seen())
	go func() {
		for len(h.Seen()) == before && t.Context().Err() == nil {
			<-time.After(time.Millisecond)
		}
		cancel()
	}()
	if _, _, err := c.Repositories.Get(early, "acme", "shop"); !errors.Is(err, context.Canceled) {
		t.Errorf("slow: %v", err)
	}
	if !heal() {
		t.Error("the slow request did not come")
	}
}

func TestHubSeesWhoWritesAtOnce(t *testing.T) {
	h, _ := shopHub(t)
	h.SetFile(t, "acme/shop", "main", "README.md", "hello")
	token := h.Token("alice")
	c := hubClient(h, token)
	heal := h.Break(1, HubFault{Slow: true, Times: 3})
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() {
			if _, _, err := c.Git.CreateBlob(t.Context(), "acme", "shop", &github.Blob{Content: github.String(fmt.Sprint(i))}); err != nil {
				t.Error(err)
			}
		})
	}
	for h.WritesAtOnce(token) < 3 && t.Context().Err() == nil {
		<-time.After(time.Millisecond)
	}
	heal()
	group.Wait()
	if got := h.Seen()[0]; got.User != "alice" || !got.Credential || "http://"+got.Host+"/" != h.URL || got.String() != "POST /repos/acme/shop/git/blobs" {
		t.Errorf("seen is %+v", got)
	}
	h.Reset()
	if _, _, err := c.Git.CreateBlob(t.Context(), "acme", "shop", &github.Blob{Content: github.String("x")}); err != nil || h.WritesAtOnce(token) != 1 {
		t.Errorf("%d at once, %v", h.WritesAtOnce(token), err)
	}
}

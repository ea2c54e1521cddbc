package parts

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// identify finds out who asks, and whether they have asked too often.
func (c *hubCall) identify(r *http.Request) error {
	text := credential(r)
	if text == "" {
		return nil
	}
	if c.token = c.hub.tokens[text]; c.token == nil {
		return refuse(http.StatusUnauthorized, "Bad credentials")
	}
	if r.URL.Path == "/rate_limit" {
		return nil
	}
	if time.Now().Before(c.token.spent) {
		c.token.used = hubLimit
		return &refusal{status: http.StatusForbidden, message: fmt.Sprintf("API rate limit exceeded for user ID %d.", c.token.user.id)}
	}
	c.token.used++
	return nil
}

// credential is the token that a request brings, however it does.
func credential(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "token") {
		return strings.TrimSpace(text)
	}
	return ""
}

// hubLimit is how many requests an hour a token has.
const hubLimit = 5000

func (c *hubCall) limits() {
	c.header.Set("X-Github-Request-Id", strconv.FormatInt(time.Now().UnixNano(), 36))
	c.header.Set("X-Github-Media-Type", "github.v3; format=json")
	for name, value := range c.limit() {
		c.header.Set("X-Ratelimit-"+name, strconv.FormatInt(value, 10))
	}
	c.header.Set("X-Ratelimit-Resource", "core")
	if c.token != nil {
		c.header.Set("X-Oauth-Scopes", strings.Join(c.token.scopes, ", "))
	}
}

func (c *hubCall) limit() map[string]int64 {
	limit, used, reset := int64(60), int64(1), time.Now().Add(time.Hour)
	if c.token != nil {
		limit, used = hubLimit, int64(min(c.token.used, hubLimit))
		if time.Now().Before(c.token.spent) {
			used, reset = limit, c.token.spent
		}
	}
	// A reset in the middle of a second is said to be at its end, or who waits for it comes too early.
	return map[string]int64{"limit": limit, "remaining": limit - used, "used": used, "reset": reset.Add(time.Second - 1).Unix()}
}

func (c *hubCall) rateLimit() (hubAnswer, error) {
	limit := c.limit()
	return hubAnswer{http.StatusOK, map[string]any{
		"resources": map[string]any{"core": limit, "search": limit},
		"rate":      limit,
	}}, nil
}

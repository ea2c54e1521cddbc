package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// bucketObject puts an object into the bucket of a test's server, or gets it.
func bucketObject(t *testing.T, address, method, key, text string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+"/team/"+key, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	signAWS(request, "AKIDTEST", "secret-of-the-test", time.Now().UTC())
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %v\n%s", method, key, reply.Status, err, body)
	}
	return string(body)
}

// signAWS signs a request without a query as AWS asks for it (Signature Version 4).
func signAWS(r *http.Request, id, secret string, at time.Time) {
	const payload = "UNSIGNED-PAYLOAD"
	day, second := at.Format("20060102"), at.Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", second)
	r.Header.Set("X-Amz-Content-Sha256", payload)
	const names = "host;x-amz-content-sha256;x-amz-date"
	canonical := strings.Join([]string{r.Method, r.URL.Path, "", "host:" + r.URL.Host, "x-amz-content-sha256:" + payload, "x-amz-date:" + second, "", names, payload}, "\n")
	scope := day + "/us-east-1/s3/aws4_request"
	sum := sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, "us-east-1", "s3", "aws4_request", "AWS4-HMAC-SHA256\n" + second + "\n" + scope + "\n" + hex.EncodeToString(sum[:])} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x", id, scope, names, key))
}

package s3

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// Every object is legible JSON, {"format":1,"sum":"...","body":{...}}, that says which format it has and carries the CRC-32C of
// its name and body. The name counts, so that an object which was copied to the place of another is noticed. The envelope
// is written and cut open by hand: the sum is of the very bytes, and encoding/json would read a big snapshot four times
// more.
//
// In a store that is encrypted it is {"format":1,"sum":"...","sealed":"..."}: the body encrypted under the object's name, in
// base64, and the sum is of the name and that. The head has "ring":"...", before it: the wrapped keys, in the sum as
// well. So damage is told from wrong keys, and can be looked for without any.
const (
	beforeFormat = `{"format":`
	beforeSum    = `,"sum":"`
	beforeBody   = `","body":`
	beforeRing   = `","ring":"`
	beforeSealed = `","sealed":"`
	behindBody   = "}\n"
	behindSealed = `"` + behindBody
)

// envelope is an object cut open: body, or sealed and for the head ring.
type envelope struct {
	body, sealed, ring []byte
}

// seal returns the object of this name with v as its body, encrypted if ring is not nil.
func seal(ring *keyring.Ring, name string, v any) ([]byte, error) {
	body, err := encode(v)
	if err != nil {
		return nil, err
	}
	return wrap(ring, name, body, nil), nil
}

// wrap returns the object of this name with the body; wrapped are the keys of the store, for the head alone.
func wrap(ring *keyring.Ring, name string, body, wrapped []byte) []byte {
	begin := func(size int, sum string) []byte {
		raw := make([]byte, 0, size+64)
		return append(append(strconv.AppendInt(append(raw, beforeFormat...), store.Format, 10), beforeSum...), sum...)
	}
	if ring == nil {
		raw := append(begin(len(body), checksum(name, body)), beforeBody...)
		return append(append(raw, body...), behindBody...)
	}
	sealed, keys := toText(ring.Seal(name, body)), toText(wrapped)
	raw := begin(len(sealed)+len(keys), checksum(name, keys, sealed))
	if len(keys) > 0 {
		raw = append(append(raw, beforeRing...), keys...)
	}
	return append(append(append(raw, beforeSealed...), sealed...), behindSealed...)
}

// open cuts an object open.
func open(name string, raw []byte) (envelope, error) {
	rest, begun := bytes.CutPrefix(raw, []byte(beforeFormat))
	format, rest, hasSum := bytes.Cut(rest, []byte(beforeSum))
	sumLen := len(checksum(name))
	if n, err := strconv.Atoi(string(format)); err != nil || n != store.Format || !begun || !hasSum || len(rest) < sumLen {
		return envelope{}, foreign(name, raw)
	}
	sum, rest := string(rest[:sumLen]), rest[sumLen:]
	if body, ok := between(rest, beforeBody, behindBody); ok {
		if sum != checksum(name, body) {
			return envelope{}, damaged("%s does not agree with its checksum", name)
		}
		return envelope{body: body}, nil
	}
	var keys []byte
	if behind, ok := bytes.CutPrefix(rest, []byte(beforeRing)); ok {
		if n := bytes.IndexByte(behind, '"'); n >= 0 {
			keys, rest = behind[:n], behind[n:]
		}
	}
	sealed, ok := between(rest, beforeSealed, behindSealed)
	if !ok {
		return envelope{}, foreign(name, raw)
	}
	if sum != checksum(name, keys, sealed) {
		return envelope{}, damaged("%s does not agree with its checksum", name)
	}
	var e envelope
	var err error
	if e.sealed, err = fromText(sealed); err == nil {
		e.ring, err = fromText(keys)
	}
	if err != nil || len(e.sealed) == 0 {
		return envelope{}, damaged("%s is not as dtm has written it", name)
	}
	return e, nil
}

func between(text []byte, before, behind string) ([]byte, bool) {
	text, begun := bytes.CutPrefix(text, []byte(before))
	text, ended := bytes.CutSuffix(text, []byte(behind))
	return text, begun && ended
}

// plain returns the body. What is in clear in a store that is encrypted is only accepted if mixed says so.
func (e envelope) plain(ring *keyring.Ring, mixed bool, name string) ([]byte, error) {
	switch {
	case e.sealed == nil && ring != nil && !mixed:
		return nil, damaged("%s is not encrypted, and the store is", name)
	case e.sealed == nil:
		return e.body, nil
	case ring == nil:
		return nil, damaged("%s is encrypted, and the store is not", name)
	}
	body, err := ring.Unseal(name, e.sealed)
	if err != nil {
		// The keys fit, for they have opened the ring. What does not fit is this object.
		return nil, damaged("%s cannot be decrypted: it was changed, or belongs elsewhere", name)
	}
	return body, nil
}

func decode(name string, body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return damaged("%s cannot be decoded: %v", name, err)
	}
	return nil
}

// foreign tells why an object is not one of ours. Of a newer format nothing is promised but the number.
func foreign(name string, raw []byte) error {
	var e struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return damaged("%s cannot be decoded: %v", name, err)
	}
	if e.Format > store.Format {
		return fmt.Errorf("%w: the format of %s is %d, this dtm knows %d", store.ErrNewer, name, e.Format, store.Format)
	}
	return damaged("%s is not as dtm has written it", name)
}

func checksum(name string, parts ...[]byte) string {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum([]byte(name), table)
	for _, part := range parts {
		sum = crc32.Update(sum, table, part)
	}
	return fmt.Sprintf("%08x", sum)
}

func toText(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }

func fromText(text []byte) ([]byte, error) {
	return base64.StdEncoding.Strict().AppendDecode(nil, text)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// nonce makes a body unlike any that was written before.
func nonce() string { return rand.Text() }

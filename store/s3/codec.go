package s3

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/devstream-io/dtm/store"
)

// Every object is legible JSON, {"format":1,"sum":"...","body":{...}}, that says which format it has and carries the CRC-32C of
// its name and body. The name counts, so that an object which was copied to the place of another is noticed. The envelope
// is written and cut open by hand: the sum is of the very bytes, and encoding/json would read a big snapshot four times
// more.
const (
	beforeFormat = `{"format":`
	beforeSum    = `,"sum":"`
	beforeBody   = `","body":`
	behindBody   = "}\n"
)

// seal returns the object of this name with v as its body.
func seal(name string, v any) ([]byte, error) {
	body, err := encode(v)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 0, len(body)+64)
	raw = append(strconv.AppendInt(append(raw, beforeFormat...), store.Format, 10), beforeSum...)
	raw = append(append(raw, checksum(name, body)...), beforeBody...)
	return append(append(raw, body...), behindBody...), nil
}

// unseal decodes the body of an object into v.
func unseal(name string, raw []byte, v any) error {
	rest, begun := bytes.CutPrefix(raw, []byte(beforeFormat))
	format, rest, hasSum := bytes.Cut(rest, []byte(beforeSum))
	sum, rest, hasBody := bytes.Cut(rest, []byte(beforeBody))
	body, ended := bytes.CutSuffix(rest, []byte(behindBody))
	if n, err := strconv.Atoi(string(format)); err != nil || n != store.Format || !begun || !hasSum || !hasBody || !ended {
		return foreign(name, raw)
	}
	if string(sum) != checksum(name, body) {
		return damaged("%s does not agree with its checksum", name)
	}
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

func checksum(name string, body []byte) string {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum([]byte(name), table), table, body)
	return fmt.Sprintf("%08x", sum)
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

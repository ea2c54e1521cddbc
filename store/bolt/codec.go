package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"strconv"

	"github.com/devstream-io/dtm/store"
	"github.com/devstream-io/dtm/store/keyring"
)

// A value is the CRC-32C of its key and what follows as eight hexadecimal digits, a space, and the JSON, or what a ring has
// made of it: bbolt has no checksums of its own but for the two header pages, and a value that is not encrypted should be
// legible for whoever has to rescue a file. In an encrypted store the sum still tells a broken disk from a wrong key.
const sumLen = 9

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal fills in the sum of a value whose first sumLen bytes are free.
func seal(key, value []byte) []byte {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], checksum(key, value[sumLen:]))
	hex.Encode(value, sum[:])
	value[sumLen-1] = ' '
	return value
}

// encrypt is seal for a value of this bucket, encrypted if there is a ring.
func encrypt(ring *keyring.Ring, bucket, key, value []byte) []byte {
	if ring != nil {
		sealed := ring.Seal(placeOf(bucket, key), value[sumLen:])
		value = append(make([]byte, sumLen, sumLen+len(sealed)), sealed...)
	}
	return seal(key, value)
}

// decrypt is unseal for a value of this bucket. What it returns aliases value if there is no ring.
func decrypt(ring *keyring.Ring, bucket, key, value []byte) ([]byte, error) {
	raw, err := unseal(key, value)
	if err != nil || ring == nil {
		return raw, err
	}
	if raw, err = ring.Unseal(placeOf(bucket, key), raw); err != nil {
		return nil, damaged("%v", err) // the ring is the right one, or it would not have opened the header
	}
	return raw, nil
}

// placeOf is the name that a value is encrypted under, so that none can be put in another's place.
func placeOf(bucket, key []byte) string {
	if bytes.Equal(bucket, journalBucket) {
		return string(bucket) + "/" + strconv.FormatUint(binary.BigEndian.Uint64(key), 10)
	}
	return string(bucket) + "/" + string(key)
}

// unseal returns what is in a value. It aliases value.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) <= sumLen || value[sumLen-1] != ' ' {
		return nil, damaged("the value of %s has no checksum", printable(key))
	}
	var sum [4]byte
	if _, err := hex.Decode(sum[:], value[:sumLen-1]); err != nil || binary.BigEndian.Uint32(sum[:]) != checksum(key, value[sumLen:]) {
		return nil, damaged("the value of %s does not agree with its checksum", printable(key))
	}
	return value[sumLen:], nil
}

func checksum(key, raw []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, raw)
}

// marshal returns the JSON of v behind room for the sum.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, sumLen))
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func unmarshal(ring *keyring.Ring, bucket, key, value []byte, v any) error {
	raw, err := decrypt(ring, bucket, key, value)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return damaged("the value of %s cannot be decoded: %v", printable(key), err)
	}
	return nil
}

// noSeq is how the JSON of an entry without a number begins.
var noSeq = []byte(`{"seq":0,`)

// encodeEntry returns the JSON of an entry without its number. That way callers encode, each on a goroutine of its own,
// and only what is left to do once the order is known is done by one.
func encodeEntry(e store.Entry) ([]byte, error) {
	e.Seq = 0
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes()[len(noSeq):], []byte("\n")), nil
}

// numberEntry returns the key and the value of an entry that encodeEntry has encoded.
func numberEntry(ring *keyring.Ring, seq uint64, encoded []byte) (key, value []byte) {
	key = seqKey(seq)
	value = make([]byte, sumLen, sumLen+len(noSeq)+20+len(encoded))
	value = append(value, noSeq[:len(noSeq)-2]...)
	value = strconv.AppendUint(value, seq, 10)
	value = append(value, ',')
	value = append(value, encoded...)
	return key, encrypt(ring, journalBucket, key, value)
}

func decodeEntry(ring *keyring.Ring, key, value []byte) (store.Entry, error) {
	var e store.Entry
	if len(key) != 8 {
		return e, damaged("an entry is stored under %s", printable(key))
	}
	if err := unmarshal(ring, journalBucket, key, value, &e); err != nil {
		return e, err
	}
	if binary.BigEndian.Uint64(key) != e.Seq {
		return e, damaged("entry %d is stored under %s", e.Seq, printable(key))
	}
	return e, nil
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func printable(key []byte) string {
	if len(key) == 8 && key[0] == 0 {
		return "entry " + strconv.FormatUint(binary.BigEndian.Uint64(key), 10)
	}
	return strconv.Quote(string(key))
}

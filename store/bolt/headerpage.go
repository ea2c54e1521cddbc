package bolt

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"math/bits"
)

func isBolt(f io.ReaderAt) (bool, error) {
	if got, err := hasMagic(f, 0); got || err != nil {
		return got, err
	}
	// The first page may be damaged, and the second is where the page size says.
	for size := int64(minPage); size <= maxPage; size *= 2 {
		if got, err := hasMagic(f, size); got || err != nil {
			return got, err
		}
	}
	return false, nil
}

func hasMagic(f io.ReaderAt, page int64) (bool, error) {
	var b [4]byte
	_, err := f.ReadAt(b[:], page+pageHeader)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil && binary.NativeEndian.Uint32(b[:]) == magic, err
}

// readMeta takes the newer of the two header pages that is sound, as bbolt does. The older one is enough if the newer
// commit added no entry, as the last one of a session does; see forgotten.
func readMeta(f io.ReaderAt) (*layout, error) {
	first, txid, err := parseMeta(f, 0)
	if err != nil {
		return nil, err
	}
	var second *layout
	if first != nil {
		var txid2 uint64
		if second, txid2, err = parseMeta(f, first.pageSize); err != nil {
			return nil, err
		}
		if second != nil && txid2 > txid {
			return second, nil
		}
		first.lame = second == nil
		return first, nil
	}
	for size := int64(minPage); size <= maxPage; size *= 2 {
		if second, _, err = parseMeta(f, size); err != nil {
			return nil, err
		}
		if second != nil && second.pageSize == size {
			second.lame = true
			return second, nil
		}
	}
	return nil, damaged("both header pages are unreadable")
}

// parseMeta returns nil if the page is not sound.
func parseMeta(f io.ReaderAt, off int64) (l *layout, txid uint64, err error) {
	var b [metaSize]byte
	_, err = f.ReadAt(b[:], off+pageHeader)
	if errors.Is(err, io.EOF) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	u32, u64 := binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	size := u32(b[8:])
	if u32(b[0:]) != magic || u32(b[4:]) != version || u64(b[56:]) != sum.Sum64() ||
		bits.OnesCount32(size) != 1 || size < minPage || size > maxPage {
		return nil, 0, nil
	}
	return &layout{f: f, pageSize: int64(size), root: u64(b[16:]), freelist: u64(b[32:]), pages: u64(b[40:]), txid: u64(b[48:])}, u64(b[48:]), nil
}

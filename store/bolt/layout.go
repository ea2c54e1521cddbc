package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// What bbolt writes (its internal/common/{meta,page,bucket}.go). Numbers are in the byte order of the machine.
const (
	magic   = 0xED0CDAED
	version = 2

	pageHeader = 16 // id 8, flags 2, count 2, overflow 4
	elemSize   = 16 // branch: pos 4, ksize 4, page 8; leaf: flags 4, pos 4, ksize 4, vsize 4
	metaSize   = 64 // magic, version, page size, flags 4 each; root bucket 16; freelist, pages, txid, checksum 8 each

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketElem = 0x01
	bucketSize = 16 // root page 8, sequence 8

	minPage = 1 << 10
	maxPage = 1 << 24
)

// layout is what is known of a file's pages. Pages are read, not mapped, so that no damage can do more than yield an
// error; what has passed is safe to be walked by bbolt as long as the lock is held. It takes half a millisecond a megabyte
// where all of it is checked, which is before writing, and next to nothing where only what will be read is.
type layout struct {
	f        io.ReaderAt
	pageSize int64
	root     uint64
	freelist uint64
	pages    uint64 // how many there are; the file may be longer
	txid     uint64 // of the transaction that has written this
	use      []byte // unseen, free or used, by page
	// spare is the memory of a page that is done with.
	spare []byte
	// lame tells that one of the two header pages is damaged.
	lame bool
	// journalRoot and baseRoot are 0 where the bucket is small enough to be within its parent's page, or not there.
	journalRoot, baseRoot uint64
}

const (
	unseen byte = iota
	free
	used
)

// readLayout reads the header pages and the list of free pages.
func readLayout(f *os.File) (*layout, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return nil, damaged("the file is empty; was it truncated?")
	}
	if yes, err := isBolt(f); err != nil {
		return nil, err
	} else if !yes {
		return nil, damaged("this is not a file of dtm")
	}
	l, err := readMeta(f)
	if err != nil {
		return nil, err
	}
	if l.pages < 4 || l.pages > uint64(info.Size()/l.pageSize) {
		return nil, damaged("the file has %d bytes, but should have %d pages of %d: was it truncated?", info.Size(), l.pages, l.pageSize)
	}
	l.use = make([]byte, l.pages)
	l.use[0], l.use[1] = used, used
	return l, l.readFreelist()
}

// page is the beginning of a page, or a small bucket within its parent's page.
type page struct {
	id    uint64
	flags uint16
	count int
	size  int64 // with the overflow
	head  []byte
	rest  func(off, n int64) ([]byte, error) // what is not in head
}

// read reads a page and marks it as used. No page may be reached twice: that also ends every loop.
func (l *layout) read(id uint64) (*page, error) {
	if id < 2 || id >= l.pages {
		return nil, damaged("page %d is not one of %d", id, l.pages)
	}
	off := int64(id) * l.pageSize
	fill := func(b []byte, rel int64) ([]byte, error) {
		if _, err := l.f.ReadAt(b, off+rel); errors.Is(err, io.EOF) {
			return nil, damaged("the file ends within page %d", id)
		} else if err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
		return b, nil
	}
	head := l.spare
	if l.spare = nil; head == nil {
		head = make([]byte, l.pageSize)
	}
	if _, err := fill(head, 0); err != nil {
		return nil, err
	}
	at := func(rel, n int64) ([]byte, error) { return fill(make([]byte, n), rel) }
	u16, u32 := binary.NativeEndian.Uint16, binary.NativeEndian.Uint32
	overflow := uint64(u32(head[12:]))
	if got := binary.NativeEndian.Uint64(head); got != id {
		return nil, damaged("page %d says that it is %d", id, got)
	}
	if overflow >= l.pages-id {
		return nil, damaged("page %d reaches beyond the end", id)
	}
	for i := id; i <= id+overflow; i++ {
		if l.use[i] != unseen {
			return nil, damaged("page %d is used twice, or used and free", i)
		}
		l.use[i] = used
	}
	p := &page{id: id, flags: u16(head[8:]), count: int(u16(head[10:])), size: (1 + int64(overflow)) * l.pageSize, head: head, rest: at}
	return p, nil
}

// bytes returns n bytes at off; nothing beyond the page is read.
func (p *page) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off+n > p.size {
		return nil, damaged("page %d reaches beyond its end", p.id)
	}
	if off+n <= int64(len(p.head)) {
		return p.head[off : off+n], nil
	}
	return p.rest(off, n)
}

// element is a key of a page, and where it leads.
type element struct {
	key   []byte
	child uint64 // of a branch
	flags uint32 // of a leaf
	value int64  // of a leaf: where it begins
	vsize int64
}

// element checks that the i-th element is within the page.
func (p *page) element(i int) (element, error) {
	at := pageHeader + int64(i)*elemSize
	raw, err := p.bytes(at, elemSize)
	if err != nil {
		return element{}, err
	}
	u32 := func(i int) int64 { return int64(binary.NativeEndian.Uint32(raw[i:])) }
	var e element
	pos, ksize := u32(0), u32(4)
	if p.flags == branchPage {
		e.child = binary.NativeEndian.Uint64(raw[8:])
	} else {
		e.flags, pos, ksize, e.vsize = uint32(u32(0)), u32(4), u32(8), u32(12)
	}
	e.value = at + pos + ksize
	if ksize == 0 || pos < int64(p.count-i)*elemSize || e.value+e.vsize > p.size {
		return element{}, damaged("page %d has an element that is not within it", p.id)
	}
	e.key, err = p.bytes(at+pos, ksize)
	return e, err
}

// readFreelist marks the free pages.
func (l *layout) readFreelist() error {
	p, err := l.read(l.freelist)
	if err != nil {
		return err
	}
	if p.flags != freelistPage {
		return damaged("page %d is not the list of free pages", p.id)
	}
	n, off := int64(p.count), int64(pageHeader)
	if n == 0xFFFF {
		raw, err := p.bytes(off, 8)
		if err != nil {
			return err
		}
		n, off = int64(binary.NativeEndian.Uint64(raw)), off+8
	}
	if n < 0 || n > p.size/8 {
		return damaged("page %d has %d free pages", p.id, n)
	}
	ids, err := p.bytes(off, 8*n)
	if err != nil {
		return err
	}
	for ; len(ids) > 0; ids = ids[8:] {
		id := binary.NativeEndian.Uint64(ids)
		if id < 2 || id >= l.pages || l.use[id] != unseen {
			return damaged("page %d is said to be free and is not", id)
		}
		l.use[id] = free
	}
	return nil
}

// complete tells, after every bucket was walked, whether each page is either used or free.
func (l *layout) complete() error {
	if i := bytes.IndexByte(l.use, unseen); i >= 0 {
		return damaged("page %d is neither used nor free", i)
	}
	return nil
}

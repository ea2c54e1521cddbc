package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// buckets walks the root and every bucket in it but the journal and the base.
func (l *layout) buckets() error {
	return l.walk(l.root, nil, nil, nil, func(p *page, e element) error {
		if e.flags != bucketElem || e.vsize < bucketSize {
			return damaged("%s is not a bucket", printable(e.key))
		}
		raw, err := p.bytes(e.value, e.vsize)
		if err != nil {
			return err
		}
		root := binary.NativeEndian.Uint64(raw)
		if root == 0 {
			return inline(p.id, raw[bucketSize:])
		}
		switch {
		case bytes.Equal(e.key, journalBucket):
			l.journalRoot = root
			return nil
		case bytes.Equal(e.key, baseBucket):
			l.baseRoot = root
			return nil
		}
		return l.walk(root, nil, nil, nil, plain)
	})
}

// journal walks the pages of the journal that may hold an entry from this Seq on.
func (l *layout) journal(from uint64) error {
	if l.journalRoot == 0 {
		return nil
	}
	return l.walk(l.journalRoot, nil, nil, seqKey(from), plain)
}

// base walks the pages of the base.
func (l *layout) base() error {
	if l.baseRoot == 0 {
		return nil
	}
	return l.walk(l.baseRoot, nil, nil, nil, plain)
}

// inline checks a bucket that is kept within its parent's page.
func inline(parent uint64, raw []byte) error {
	if len(raw) < pageHeader {
		return damaged("page %d has a bucket without a header", parent)
	}
	u16 := binary.NativeEndian.Uint16
	p := &page{id: parent, flags: u16(raw[8:]), count: int(u16(raw[10:])), size: int64(len(raw)), head: raw}
	if p.flags != leafPage {
		return damaged("page %d has a bucket that is not a leaf", parent)
	}
	return p.leaf(nil, nil, plain)
}

// plain is what every element of our buckets must be.
func plain(p *page, e element) error {
	if e.flags != 0 {
		return damaged("page %d has a bucket within a bucket", p.id)
	}
	return nil
}

// walk checks a page and what is below it: all keys are in order, none below lo, all below hi. What is wholly below from
// is left out.
func (l *layout) walk(id uint64, lo, hi, from []byte, visit func(*page, element) error) error {
	p, err := l.read(id)
	if err != nil {
		return err
	}
	if p.flags == leafPage {
		defer func() { l.spare = p.head }()
		return p.leaf(lo, hi, visit)
	}
	if p.flags != branchPage || p.count == 0 {
		return damaged("page %d is neither a branch nor a leaf", id)
	}
	e, err := p.element(0)
	if err != nil {
		return err
	}
	for i := range p.count {
		below, next := hi, element{}
		if i+1 < p.count {
			if next, err = p.element(i + 1); err != nil {
				return err
			}
			below = next.key
		}
		if err := p.inOrder(lo, e.key, below); err != nil {
			return err
		}
		if below == nil || bytes.Compare(below, from) > 0 {
			if err := l.walk(e.child, e.key, below, from, visit); err != nil {
				return err
			}
		}
		lo, e = below, next
	}
	return nil
}

func (p *page) leaf(lo, hi []byte, visit func(*page, element) error) error {
	for i := range p.count {
		e, err := p.element(i)
		if err != nil {
			return err
		}
		if i > 0 && bytes.Equal(lo, e.key) {
			return damaged("page %d has a key twice", p.id)
		}
		if err := p.inOrder(lo, e.key, hi); err != nil {
			return err
		}
		if err := visit(p, e); err != nil {
			return err
		}
		lo = e.key
	}
	return nil
}

// inOrder checks lo <= key < hi; nil is no bound.
func (p *page) inOrder(lo, key, hi []byte) error {
	if (lo != nil && bytes.Compare(lo, key) > 0) || (hi != nil && bytes.Compare(key, hi) >= 0) {
		return damaged("page %d has keys out of order", p.id)
	}
	return nil
}

// forgotten tells whether a header page is damaged that knew of entries behind the last, this one: every commit writes the
// root page, in it how far the journal reaches, so the root page of such a commit must be lying about. bbolt would take the
// other header without a word, and entries that were acknowledged would be gone.
func (l *layout) forgotten(last uint64) error {
	if !l.lame {
		return nil
	}
	head := make([]byte, l.pageSize)
	for off := 2 * l.pageSize; ; off += l.pageSize {
		if _, err := l.f.ReadAt(head, off); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		u16 := binary.NativeEndian.Uint16
		p := &page{id: uint64(off / l.pageSize), flags: u16(head[8:]), count: int(u16(head[10:])), size: l.pageSize, head: head}
		for i := 0; p.flags == leafPage && i < p.count; i++ {
			e, err := p.element(i)
			if err != nil {
				break // the page is free, so it may be anything
			}
			if e.flags != bucketElem || e.vsize < bucketSize || !bytes.Equal(e.key, journalBucket) {
				continue
			}
			if reach := binary.NativeEndian.Uint64(head[e.value+8:]); reach > last {
				return damaged("one of the two header pages is unreadable, and the other does not know the entries behind %d", last)
			}
		}
	}
}

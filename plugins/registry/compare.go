package registry

import (
	"errors"
	"fmt"

	"github.com/devstream-io/dtm/plugins"
)

// DifferError says what dtm.lock has otherwise than it is wished for.
type DifferError struct {
	// Name is the plugin's.
	Name string
	// What is "source", "version", "key", "kind" or which archive.
	What           string
	Locked, Wished string

	// server tells that it is not the configuration that is another one.
	server bool
}

func (e *DifferError) Error() string {
	who := "the configuration says"
	if e.server {
		who = "the source has"
	}
	return fmt.Sprintf("%s: dtm.lock has %s, %s %s", e.What, e.Locked, who, e.Wished)
}

// Hint says what the user can do about it.
func (e *DifferError) Hint() string {
	if e.server {
		return "somebody has changed what was published: find out who before you trust it with `dtm init --upgrade`"
	}
	return "`dtm init --upgrade` takes over what the configuration says"
}

// Compare says what the wishes have that dtm.lock has not, or has otherwise. A plugin that only dtm.lock has is no
// difference, nor is a version that fits another range as well.
func Compare(o Options, lock Lock, wishes []Wish) error {
	o = o.with()
	errs := []error{o.check(wishes)}
	for _, w := range wishes {
		e, ok := lock.Plugins[w.Name]
		if !ok {
			errs = append(errs, of(w.Name, plugins.Hinted(errors.New("it is not in dtm.lock"), initHint)))
			continue
		}
		errs = append(errs, of(w.Name, o.differs(w, e)))
	}
	return errors.Join(errs...)
}

// differs says how a wish is not for what is locked.
func (o Options) differs(w Wish, e Entry) error {
	if w.Source != e.Source {
		return &DifferError{Name: w.Name, What: "source", Locked: e.Source, Wished: w.Source}
	}
	if ok, err := fits(w.Version, e.Version); err != nil {
		return err
	} else if !ok && !e.Local { // what a folder is shows when it is read
		return &DifferError{Name: w.Name, What: "version", Locked: e.Version, Wished: w.Version}
	}
	k, err := o.keyOf(w)
	if err != nil {
		return err
	}
	if digest := k.digestOrNone(); digest != e.Key {
		return &DifferError{Name: w.Name, What: "key", Locked: orNone(e.Key), Wished: orNone(digest)}
	}
	return nil
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

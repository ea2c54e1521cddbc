package engine

import (
	"errors"
	"fmt"
)

// ApplyError says that not everything was done. What was done is recorded.
type ApplyError struct {
	// Failed are the first causes, in the order of the plan.
	Failed []ToolError
	// Skipped is how many changes were not begun for that reason.
	Skipped int
	// Interrupted says that the run was told to stop.
	Interrupted bool
	// Record is why the journal could not be written, if that is what went wrong. What runs at that moment may not be
	// recorded; the next plan will look for it.
	Record error
}

func (e *ApplyError) Error() string {
	var text string
	switch {
	case e.Record != nil:
		text = fmt.Sprintf("the journal could not be written, so nothing more was begun: %v", e.Record)
	case len(e.Failed) == 1:
		text = fmt.Sprintf("%s failed: %v", e.Failed[0].ID, e.Failed[0].Err)
	case len(e.Failed) > 1:
		text = fmt.Sprintf("%d tools failed, first %s: %v", len(e.Failed), e.Failed[0].ID, e.Failed[0].Err)
	case e.Interrupted:
		text = "interrupted"
	}
	if e.Interrupted && text != "interrupted" {
		text += "; interrupted"
	}
	if e.Skipped > 0 {
		text += fmt.Sprintf(" (%d not begun)", e.Skipped)
	}
	return text
}

// Unwrap are the causes.
func (e *ApplyError) Unwrap() []error {
	var errs []error
	if e.Record != nil {
		errs = append(errs, e.Record)
	}
	for _, f := range e.Failed {
		errs = append(errs, f.Err)
	}
	return errs
}

// Hint says what the user can do about it.
func (e *ApplyError) Hint() string {
	if e.Record != nil {
		return "make room or mend the store, then run again: what was in doubt is looked at first"
	}
	return "what was done is recorded; run again to go on from here"
}

// errNotPlanned stands for a tool that could not be read: what waits for it waits for ever.
var errNotPlanned = errors.New("the tool could not be planned")

package engine

import (
	"time"

	"github.com/devstream-io/dtm/schema"
)

// Event is something that happened. Events come one at a time, in the order in which they happened.
type Event interface{ event() }

// Reading says that so many recorded tools are being read; Done counts up to Total.
type Reading struct{ Done, Total int }

// RunStarted says that the journal is open and changes begin.
type RunStarted struct {
	Run string
	// Total is how many changes there are.
	Total int
	Time  time.Time
}

// Started says that a verb is about to run; its intent is recorded.
type Started struct {
	ID     schema.ID
	Action Action
	Time   time.Time
}

// Retrying says that a verb has failed in a way that may pass, and will be tried again.
type Retrying struct {
	ID     schema.ID
	Action Action
	// Attempt is the number of the next try; the first one of all was 1.
	Attempt int
	Err     error
	// In is how long it waits before that.
	In   time.Duration
	Time time.Time
}

// Progress says in one line how far a verb is. The same text does not come twice in a row. While a plan is made the action is
// NoOp: then it is what is waited for.
type Progress struct {
	ID     schema.ID
	Action Action
	// Text is what the plugin says, without secrets.
	Text string
	Time time.Time
}

// Finished says that a verb has succeeded and that this is recorded. Unchanged says that there was nothing to do after
// all: what was unknown turned out to be what it was.
type Finished struct {
	ID        schema.ID
	Action    Action
	Duration  time.Duration
	Unchanged bool
	Time      time.Time
}

// Failed says that a verb has failed, or that its intent or outcome could not be recorded.
type Failed struct {
	ID       schema.ID
	Action   Action
	Err      error
	Duration time.Duration
	Time     time.Time
}

// Skipped says that a change was not begun.
type Skipped struct {
	ID     schema.ID
	Action Action
	// Causes are the tools whose failure is the first cause, sorted; empty if the run was stopped.
	Causes []schema.ID
	Time   time.Time
}

// RunFinished says that nothing more will happen.
type RunFinished struct {
	Summary Summary
	Time    time.Time
}

func (Reading) event()     {}
func (RunStarted) event()  {}
func (Started) event()     {}
func (Retrying) event()    {}
func (Progress) event()    {}
func (Finished) event()    {}
func (Failed) event()      {}
func (Skipped) event()     {}
func (RunFinished) event() {}

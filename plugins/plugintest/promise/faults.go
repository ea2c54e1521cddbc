package promise

import (
	"context"
	"encoding/json"
	"fmt"
)

// maxCalls is how many calls to the outside a verb may make before the suite thinks that it will never end.
const maxCalls = 1000

// faultChecks fail every call that a verb makes to the outside, one world a call, and then do what the engine does when
// it is run again: repeat the verb, or delete what is in doubt.
func faultChecks() []Promise {
	var all []Promise
	for _, when := range []When{Before, After} {
		for _, v := range []interrupted{
			{verb: "create", wish: func(s Subject) json.RawMessage { return s.Want }},
			{verb: "update", wish: func(s Subject) json.RawMessage { return s.Changed }},
			{verb: "rename", wish: func(s Subject) json.RawMessage { return s.Renamed }},
			{verb: "delete", wish: func(s Subject) json.RawMessage { return s.Want }},
		} {
			lacks := func(s Subject) string {
				switch {
				case s.Fail == nil:
					return "no call to the outside can be made to fail"
				case v.wish(s) == nil:
					return "there is no wish that moves it"
				}
				return ""
			}
			all = append(all, Promise{
				Name:  fmt.Sprintf("%s can be repeated when a call failed %s", v.verb, when),
				lacks: lacks,
				run: func(ctx context.Context, fresh func() (Subject, error)) error {
					return v.everyCall(ctx, fresh, when, v.repeat)
				},
			})
			if v.verb != "delete" {
				all = append(all, Promise{
					Name:  fmt.Sprintf("%s can be deleted when a call failed %s", v.verb, when),
					lacks: lacks,
					run: func(ctx context.Context, fresh func() (Subject, error)) error {
						return v.everyCall(ctx, fresh, when, v.giveUp)
					},
				})
			}
		}
	}
	return all
}

// interrupted is a verb that is cut off on its way to a wish.
type interrupted struct {
	verb string
	wish func(Subject) json.RawMessage
}

// do calls the verb. last is what the journal remembers of Want.
func (v interrupted) do(ctx context.Context, s Subject, last json.RawMessage) (json.RawMessage, error) {
	switch v.verb {
	case "create":
		return s.Kind.Create(ctx, s.Want)
	case "delete":
		return nil, s.Kind.Delete(ctx, s.Want, last)
	}
	return s.Kind.Update(ctx, v.wish(s), s.Want, last)
}

// everyCall runs the verb once for every call that it makes, with that call failing, and recovers each time.
func (v interrupted) everyCall(ctx context.Context, fresh func() (Subject, error), when When,
	recovery func(context.Context, Subject, json.RawMessage) error,
) error {
	for n := 1; n <= maxCalls; n++ {
		s, err := fresh()
		if err != nil {
			return err
		}
		var last json.RawMessage
		if v.verb != "create" {
			if last, err = s.created(ctx); err != nil {
				return err
			}
		}
		heal := s.Fail(n, when)
		_, err = v.do(ctx, s, last)
		if !heal() {
			if err != nil {
				return fmt.Errorf("%s, with no call failing: %w", v.verb, err)
			}
			if n == 1 {
				return fmt.Errorf("%s makes no call that can fail: Fail does not reach it", v.verb)
			}
			return nil
		}
		if err := recovery(ctx, s, last); err != nil {
			return fmt.Errorf("call %d failed %s and %s returned %v; then: %w", n, when, v.verb, err, err)
		}
	}
	return fmt.Errorf("%s makes more than %d calls", v.verb, maxCalls)
}

// repeat runs the verb again and expects what it would have made at once.
func (v interrupted) repeat(ctx context.Context, s Subject, last json.RawMessage) error {
	r, err := v.do(ctx, s, last)
	if err != nil {
		return fmt.Errorf("%s again: %w", v.verb, err)
	}
	if v.verb != "delete" {
		if err := s.readsBack(ctx, v.verb, v.wish(s), r); err != nil {
			return err
		}
		if err := s.exists(ctx, v.wish(s), true); err != nil {
			return err
		}
		if v.verb == "rename" {
			if err := s.exists(ctx, s.Want, false); err != nil {
				return err
			}
		}
	}
	return s.deleted(ctx, v.wish(s), r)
}

// giveUp deletes both what was recorded and what was intended.
func (v interrupted) giveUp(ctx context.Context, s Subject, last json.RawMessage) error {
	if err := s.Kind.Delete(ctx, v.wish(s), nil); err != nil {
		return fmt.Errorf("delete of what was intended: %w", err)
	}
	return s.deleted(ctx, s.Want, last)
}

package engine

// Action is what is done to a tool. Its value is the sign it is printed with.
type Action rune

// The actions.
const (
	NoOp    Action = ' '
	Create  Action = '+'
	Update  Action = '~'
	Replace Action = '±'
	Delete  Action = '-'
)

// String is the action as it stands in documents and in the journal.
func (a Action) String() string {
	switch a {
	case Create:
		return "create"
	case Update:
		return "update"
	case Replace:
		return "replace"
	case Delete:
		return "delete"
	case NoOp:
	}
	return "no-op"
}

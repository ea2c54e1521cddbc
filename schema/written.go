package schema

// Written is how a [Source] came about: what was written where its values stand.
type Written struct {
	// Variables are those that there are, with their values.
	Variables []Field
	// Templates are the strings that variables were put into, by the places of their values.
	Templates map[Pos][]Filled
	// Names are what maps and lists are called, where they have names, by their places.
	Names map[Pos]string
	// Places are those of all scalars but keys. What stands elsewhere was filled in by whoever read the files.
	Places map[Pos]bool
	// State is where the section of the state begins; zero if there is none.
	State Pos
	// Comments are those of all files, without their signs: of each file from top to bottom.
	Comments []Comment
}

// Filled is a part of a string: the text that was written, or a variable, in whose name dots lead into maps.
type Filled struct{ Text, Variable string }

// Side is where a comment stands.
type Side uint8

// The sides of a field, or of an element of a list.
const (
	Above Side = iota
	Behind
	Below
)

// Comment is a comment and the place of what it stands at.
type Comment struct {
	// Pos is the place of the field, or of the element of a list. Value is that of a field's value if it is a scalar.
	Pos, Value Pos
	Side       Side
	// Top tells that it stands at a field at the top of a document, and may be about what comes.
	Top bool
	// Apart tells that a blank line parts it from what it stands above.
	Apart bool
	Text  string
}

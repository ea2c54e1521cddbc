package schema

// Source is a configuration that was read from something other than CUE and has not been checked:
// the tools as they were written, with the place of every part. [Loader.Check] turns it into a Config.
type Source struct {
	// Dir is the absolute folder of the configuration.
	Dir string
	// Files are the files that were read, as the user would name them.
	Files []string
	Tools []SourceTool
	// Plugins is what was written of where plugins come from: a Map, or Null for nothing.
	Plugins Value
	State   StateConfig
	// Keeping is what was written of retention and encryption in the section of the state: a Map, or Null for nothing,
	// which leaves State as it is.
	Keeping Value
	// Notes are what its author should know and nothing has to be done about.
	Notes []Note
	// LetPass says what the program for which the configuration was written did about a mistake that it let pass, as in
	// "DevStream ignored it". It stands behind what is wrong. Nil for nothing.
	LetPass map[Mistake]string
}

// Note is something about a configuration that is no mistake: what was written there has no effect here, for example.
type Note struct {
	// Pos is where it was written.
	Pos Pos
	// Path is what it is about, as in "tools.argocdapp.default.options.imageRepo".
	Path string
	// Msg is one line, without a value that may be secret.
	Msg string
}

// SourceTool is one tool as it was written.
type SourceTool struct {
	// Pos is where the tool begins.
	Pos Pos
	// Plugin and Instance are unchecked.
	Plugin, Instance Text
	DependsOn        []Text
	// Lifecycle is a Map, or Null if nothing was written.
	Lifecycle Value
	// Options is a Map, or Null if nothing was written.
	Options Value
}

// Text is a string and its place.
type Text struct {
	Text string
	Pos  Pos
	// From is where the text comes from if it was filled in, or nil.
	From *Origin
}

// Kind is what a Value is.
type Kind uint8

// The kinds of values, as JSON has them, with whole numbers apart.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

// Value is a value and its place. Which of its parts count is said by Kind.
type Value struct {
	Kind Kind
	Pos  Pos
	// Text is the string itself for String, and the JSON literal for Bool, Int and Float.
	Text string
	// Items are a List's.
	Items []Value
	// Fields are a Map's, in the order written, each name once.
	Fields []Field
	// From is where the value comes from if it, or a part of it, was filled in; nil if it stands where it is used.
	From *Origin
}

// Field is one entry of a Map.
type Field struct {
	Name  string
	Pos   Pos
	Value Value
}

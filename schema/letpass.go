package schema

// Mistake is a kind of mistake that only the check of a whole configuration finds, and that other programs let pass.
type Mistake uint8

const (
	// NoSuchTool is a dependency on a tool that is not there.
	NoSuchTool Mistake = iota + 1
	// Dangling is a reference to a tool or an output that is not there.
	Dangling
	// NoReference is what begins like a reference and is none, or is one that only dtm knows: in a list, or of a key that
	// is deeper inside.
	NoReference
	// BadInstance is the name of an instance that is none.
	BadInstance
)

// told puts behind a message what the program did for which the configuration was written.
func (s source) told(m Mistake, msg string) string {
	if was := s.letPass[m]; was != "" {
		return msg + ": " + was
	}
	return msg
}

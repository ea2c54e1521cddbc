package plugins

import "context"

// A Previewer is a plugin that can say before a Create or an Update what that would do inside the tool, as in "makes
// these twelve objects". The engine asks while it plans, for changes whose options are wholly known; that nothing can be
// said is no reason not to plan.
type Previewer[O, R any] interface {
	// Preview changes nothing and may use the network. For a Create, and for the new one of a replace, have and last are
	// the zero values; otherwise they are as for Update. The same options in the same world give the same Preview: a saved
	// plan is compared with it. It must carry no secret, not even one that the tool itself keeps.
	Preview(ctx context.Context, want, have O, last R) (Preview, error)
}

// Preview is what a verb would do inside a tool. It is for people and programs that judge a plan; no verb gets it.
type Preview struct {
	// Settled are options that were left open and what they come to, as in "chart.version" and "7.3.1", sorted.
	Settled []Fact `json:"settled,omitempty"`
	// Parts are the things inside the tool that would be made, changed or removed, in the order in which they are to be
	// shown.
	Parts []Part `json:"parts,omitempty"`
	// Notes are remarks for people, each one line.
	Notes []string `json:"notes,omitempty"`
}

// Empty tells whether the preview says nothing.
func (p *Preview) Empty() bool { return len(p.Settled) == 0 && len(p.Parts) == 0 && len(p.Notes) == 0 }

// Fact is a name and a value.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Part is one thing inside a tool and what would happen to it.
type Part struct {
	// Action is "create", "update" or "delete".
	Action string `json:"action"`
	// Name is what people call it, as in "Deployment argocd/argocd-server".
	Name string `json:"name"`
	// Fields are the paths that change, for an update, as in "data.url".
	Fields []string `json:"fields,omitempty"`
}

// The actions of a [Part].
const (
	PartCreate = "create"
	PartUpdate = "update"
	PartDelete = "delete"
)

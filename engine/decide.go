package engine

import (
	"slices"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

// The reasons, as people read them behind "Tool (plugin/instance) ". Most are DevStream's own words.
const (
	reasonNew        = "found in config but doesn't exist in the state, will be created."
	reasonUnfinished = "was begun and not finished, will be created."
	reasonBegunThere = "was begun and not finished; it is there, will be adopted."
	reasonBegunNot   = "was begun and not finished; it is not there, will be created."
	reasonGone       = "state found but it seems the tool isn't created, will be created."
	reasonInDoubt    = "was being changed when the last run ended, will be updated."
	reasonFailed     = "could not be changed the last time, will be updated."
	reasonReplace    = "config drifted from the state in a field that cannot be changed, will be replaced."
	reasonConfig     = "config drifted from the state, will be updated."
	reasonUnknown    = "refers to outputs that are known after apply, will be updated if they change."
	reasonDrift      = "drifted from the state, will be updated."
	reasonAdopted    = "was adopted and may be other than the config says, will be updated."
	reasonLifecycle  = "is to be treated in another way, the record will be updated."
	reasonKept       = "is kept, will be taken out of the record."
	reasonRefreshed  = "is other than it was left, will be recorded as it is."
	reasonLost       = "is gone, will be taken out of the record."
	reasonNeeds      = "depends on other tools than before, the record will be updated."
	reasonRemoved    = "will be deleted."
	reasonSame       = "is the same as the state, do nothing."
	reasonHandedOn   = "has handed on what it managed to (%s/%s), will be taken out of the record."
)

// situation is all that counts for deciding about one tool.
type situation struct {
	// wanted tells whether the tool is in the configuration.
	wanted bool
	needs  []schema.ID
	// have is what is recorded, nil if nothing is.
	have *store.Tool
	// gone tells that a Read found nothing, there that it found something.
	gone, there bool
	// lifecycle tells that the tool is to be treated in another way than recorded.
	lifecycle bool
	// options is how what is wanted differs from what was applied, or from what was begun where nothing was applied;
	// resource is how what exists differs from what was left.
	options, resource []store.FieldDiff
}

// decide says what to do about a tool and why. Want below means that the tool is in the configuration; doubt that a verb
// was begun of which nobody knows how far it came.
//
//	want  recorded     resource  fields that differ    action
//	no    yes          -         -                     delete
//	yes   no           -         -                     create
//	yes   doubt only   -         one needs replacing   replace
//	yes   doubt only   -         any or none           create (the plugin adopts what is there)
//	yes   adopted      there     any or none           update
//	yes   yes, doubt   -         one needs replacing   replace
//	yes   yes, doubt   -         any or none           update
//	yes   yes          gone      -                     create
//	yes   yes          there     one needs replacing   replace
//	yes   yes          there     options               update
//	yes   yes          differs   none                  update
//	yes   yes          same      only dependsOn        update (the record alone)
//	yes   yes          same      only lifecycle        update (the record alone)
//	yes   yes          same      none                  no-op
func decide(s situation) (Action, string) {
	replace := slices.ContainsFunc(s.options, func(d store.FieldDiff) bool { return d.Replace })
	known := slices.ContainsFunc(s.options, func(d store.FieldDiff) bool { return !d.Unknown })
	switch {
	case !s.wanted:
		return Delete, reasonRemoved
	case s.have == nil:
		return Create, reasonNew
	case !s.have.Exists && replace:
		return Replace, reasonReplace
	case !s.have.Exists && s.gone:
		return Create, reasonBegunNot
	case !s.have.Exists && s.there:
		return Create, reasonBegunThere
	case !s.have.Exists:
		return Create, reasonUnfinished
	case s.have.Doubt != nil && replace:
		return Replace, reasonReplace
	case s.have.Doubt != nil && s.have.Doubt.Error != "":
		return Update, reasonFailed
	case s.have.Doubt != nil:
		return Update, reasonInDoubt
	case s.gone:
		return Create, reasonGone
	case replace:
		return Replace, reasonReplace
	case known:
		return Update, reasonConfig
	case s.have.Adopted:
		return Update, reasonAdopted
	case len(s.resource) > 0:
		return Update, reasonDrift
	case len(s.options) > 0:
		return Update, reasonUnknown
	case !sameNeeds(s.needs, s.have.DependsOn):
		return Update, reasonNeeds
	case s.lifecycle:
		return Update, reasonLifecycle
	}
	return NoOp, reasonSame
}

// recordsOnly tells whether a reason is about the record alone.
func recordsOnly(reason string) bool { return reason == reasonNeeds || reason == reasonLifecycle }

func sameNeeds(a, b []schema.ID) bool {
	if len(a) != len(b) {
		return false
	}
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

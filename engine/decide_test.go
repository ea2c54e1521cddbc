package engine

import (
	"testing"

	"github.com/devstream-io/dtm/schema"
	"github.com/devstream-io/dtm/store"
)

func TestDecide(t *testing.T) {
	var (
		known    = []store.FieldDiff{{Path: "options.a"}}
		unknown  = []store.FieldDiff{{Path: "options.a", Unknown: true}}
		replaces = []store.FieldDiff{{Path: "options.a"}, {Path: "options.b", Replace: true}}
		maybe    = []store.FieldDiff{{Path: "options.b", Replace: true, Unknown: true}}
		mixed    = []store.FieldDiff{{Path: "options.a", Unknown: true}, {Path: "options.c"}}
		drift    = []store.FieldDiff{{Path: "resource.a"}}
	)
	tool := func(exists bool, doubt *store.Doubt, needs ...schema.ID) *store.Tool {
		return &store.Tool{ID: "p.i", Exists: exists, Doubt: doubt, DependsOn: needs}
	}
	there, died, failed := tool(true, nil), tool(true, &store.Doubt{}), tool(true, &store.Doubt{Error: "no"})
	begun := tool(false, &store.Doubt{})
	for name, tt := range map[string]struct {
		situation
		action Action
		reason string
	}{
		"not wanted, recorded":                     {situation{have: there}, Delete, reasonRemoved},
		"not wanted, in doubt":                     {situation{have: died}, Delete, reasonRemoved},
		"not wanted, only begun":                   {situation{have: begun}, Delete, reasonRemoved},
		"not recorded":                             {situation{wanted: true}, Create, reasonNew},
		"only begun":                               {situation{wanted: true, have: begun}, Create, reasonUnfinished},
		"only begun, a create that failed":         {situation{wanted: true, have: tool(false, failed.Doubt)}, Create, reasonUnfinished},
		"only begun, with other options":           {situation{wanted: true, have: begun, options: known}, Create, reasonUnfinished},
		"only begun, replaces":                     {situation{wanted: true, have: begun, options: replaces}, Replace, reasonReplace},
		"doubt, the same":                          {situation{wanted: true, have: died}, Update, reasonInDoubt},
		"doubt, other options":                     {situation{wanted: true, have: died, options: known}, Update, reasonInDoubt},
		"doubt, unknown options":                   {situation{wanted: true, have: died, options: unknown}, Update, reasonInDoubt},
		"doubt, replaces":                          {situation{wanted: true, have: died, options: replaces}, Replace, reasonReplace},
		"doubt, may replace":                       {situation{wanted: true, have: died, options: maybe}, Replace, reasonReplace},
		"failed, the same":                         {situation{wanted: true, have: failed}, Update, reasonFailed},
		"failed, other options":                    {situation{wanted: true, have: failed, options: known}, Update, reasonFailed},
		"failed, replaces":                         {situation{wanted: true, have: failed, options: replaces}, Replace, reasonReplace},
		"doubt counts more than gone":              {situation{wanted: true, have: died, gone: true}, Update, reasonInDoubt},
		"gone":                                     {situation{wanted: true, have: there, gone: true}, Create, reasonGone},
		"gone and other options":                   {situation{wanted: true, have: there, gone: true, options: known}, Create, reasonGone},
		"gone, so there is nothing to replace":     {situation{wanted: true, have: there, gone: true, options: replaces}, Create, reasonGone},
		"replaces":                                 {situation{wanted: true, have: there, options: replaces}, Replace, reasonReplace},
		"may replace":                              {situation{wanted: true, have: there, options: maybe}, Replace, reasonReplace},
		"replaces what has drifted":                {situation{wanted: true, have: there, options: replaces, resource: drift}, Replace, reasonReplace},
		"options":                                  {situation{wanted: true, have: there, options: known}, Update, reasonConfig},
		"options, one of them unknown":             {situation{wanted: true, have: there, options: mixed}, Update, reasonConfig},
		"options and drift":                        {situation{wanted: true, have: there, options: known, resource: drift}, Update, reasonConfig},
		"drift":                                    {situation{wanted: true, have: there, resource: drift}, Update, reasonDrift},
		"drift and unknown options":                {situation{wanted: true, have: there, options: unknown, resource: drift}, Update, reasonDrift},
		"drift and other dependencies":             {situation{wanted: true, have: there, resource: drift, needs: ids("p.x")}, Update, reasonDrift},
		"unknown options":                          {situation{wanted: true, have: there, options: unknown}, Update, reasonUnknown},
		"unknown options and other dependencies":   {situation{wanted: true, have: there, options: unknown, needs: ids("p.x")}, Update, reasonUnknown},
		"a dependency more":                        {situation{wanted: true, have: there, needs: ids("p.x")}, Update, reasonNeeds},
		"a dependency less":                        {situation{wanted: true, have: tool(true, nil, "p.x")}, Update, reasonNeeds},
		"another dependency":                       {situation{wanted: true, have: tool(true, nil, "p.x"), needs: ids("p.y")}, Update, reasonNeeds},
		"the same dependencies in another order":   {situation{wanted: true, have: tool(true, nil, "p.x", "p.y"), needs: ids("p.y", "p.x")}, NoOp, reasonSame},
		"the same":                                 {situation{wanted: true, have: there}, NoOp, reasonSame},
		"the same, with no and empty dependencies": {situation{wanted: true, have: there, needs: ids()}, NoOp, reasonSame},
	} {
		if action, reason := decide(tt.situation); action != tt.action || reason != tt.reason {
			t.Errorf("%s: %s %q, want %s %q", name, action, reason, tt.action, tt.reason)
		}
	}
}

func ids(list ...schema.ID) []schema.ID { return list }

func TestDecidingLeavesTheOrderOfDependenciesAlone(t *testing.T) {
	needs, recorded := ids("p.y", "p.x"), ids("p.z", "p.y")
	decide(situation{wanted: true, needs: needs, have: &store.Tool{Exists: true, DependsOn: recorded}})
	if needs[0] != "p.y" || recorded[0] != "p.z" {
		t.Errorf("%v, %v", needs, recorded)
	}
}

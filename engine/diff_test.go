package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/schema"
)

func TestDiffJSON(t *testing.T) {
	for name, tt := range map[string]struct{ before, after, want string }{
		"the same":                  {`{"a":1}`, `{"a":1}`, ``},
		"the same, spelled anew":    {`{"a":1,"b":{"c":[1]}}`, "{ \"b\": {\"c\":\n[1]}, \"a\": 1 }", ``},
		"both nothing":              {``, ``, ``},
		"changed":                   {`{"a":1}`, `{"a":2}`, `r.a 1 2`},
		"added":                     {`{}`, `{"a":1}`, `r.a - 1`},
		"removed":                   {`{"a":1}`, `{}`, `r.a 1 -`},
		"null is not nothing":       {`{"a":null}`, `{}`, `r.a null -`},
		"from and to null":          {`{"a":null,"b":1}`, `{"a":1,"b":null}`, `r.a null 1; r.b 1 null`},
		"from nothing":              {``, `{"a":1,"b":{"c":2}}`, `r.a - 1; r.b - {"c":2}`},
		"nested":                    {`{"a":{"b":{"c":1,"d":2}}}`, `{"a":{"b":{"c":2,"d":2}}}`, `r.a.b.c 1 2`},
		"another type":              {`{"a":{"b":1}}`, `{"a":[1]}`, `r.a {"b":1} [1]`},
		"a list item":               {`{"a":[1,2,3]}`, `{"a":[1,9,3]}`, `r.a[1] 2 9`},
		"a list item's field":       {`{"a":[{"n":1},{"n":2}]}`, `{"a":[{"n":1},{"n":3}]}`, `r.a[1].n 2 3`},
		"a list that has grown":     {`{"a":[1]}`, `{"a":[1,2,3]}`, `r.a[1] - 2; r.a[2] - 3`},
		"a list that was empty":     {`{"a":[]}`, `{"a":[{"n":1}]}`, `r.a[0] - {"n":1}`},
		"a list that has shrunk":    {`{"a":[1,2,3]}`, `{"a":[1]}`, `r.a[1] 2 -; r.a[2] 3 -`},
		"lists that grow":           {`{"a":[[1],[2]]}`, `{"a":[[1,5],[2,6]]}`, `r.a[0][1] - 5; r.a[1][1] - 6`},
		"keys with signs":           {`{"a/b":1,"c~d":1,"e.f":1,"~1":1,"g":{"-":1}}`, `{"a/b":2,"c~d":2,"e.f":2,"~1":2,"g":{"-":2}}`, `r.a/b 1 2; r.c~d 1 2; r.e.f 1 2; r.g.- 1 2; r.~1 1 2`},
		"a key - that is added":     {`{"g":{}}`, `{"g":{"-":2}}`, `r.g.- - 2`},
		"a list below a sign":       {`{"a/b":[1]}`, `{"a/b":[1,2]}`, `r.a/b[1] - 2`},
		"numbers as they stand":     {`{"a":1}`, `{"a":1.0}`, `r.a 1 1.0`},
		"numbers beyond float64":    {`{"a":12345678901234567890}`, `{"a":12345678901234567891}`, `r.a 12345678901234567890 12345678901234567891`},
		"big numbers that are same": {`{"a":12345678901234567890}`, `{ "a":12345678901234567890}`, ``},
		"no escapes":                {`{"a":"<&>"}`, `{"a":"<b>"}`, `r.a "<&>" "<b>"`},
		"not structs":               {`[1]`, `"x"`, `r [1] "x"`},
	} {
		diffs, err := diffJSON("r", json.RawMessage(tt.before), json.RawMessage(tt.after))
		var got []string
		for _, d := range diffs {
			got = append(got, diffText(d))
		}
		if err != nil || strings.Join(got, "; ") != tt.want {
			t.Errorf("%s: %s, %v, want %s", name, strings.Join(got, "; "), err, tt.want)
		}
	}
}

func TestDiffOfBrokenDocumentsIsAnError(t *testing.T) {
	for _, docs := range [][2]string{{`{`, `{}`}, {`{}`, `{`}} {
		if _, err := diffJSON("r", json.RawMessage(docs[0]), json.RawMessage(docs[1])); err == nil {
			t.Errorf("%v is no error", docs)
		}
	}
}

// diffCUE has what is said of a field at every depth.
const diffCUE = `package deep

#Options: {
	plain: _
	token?: string @secret()
	zone?:  string @replace()
	place?: {city?: string, street?: string @replace(), room?: {door?: string}}
	disk?:  {size?: int, labels?: {[string]: string}} @replace()
	tags?: [...string] @replace()
	nodes?: [...{name?: string @replace(), size?: int, secret?: string @secret()}]
	labels?: {[string]: string @replace()}
	open?:   {...} @replace()
	vault?:  {[string]: string @secret()}
	teams?:  {[string]: {lead?: string @replace(), size?: int}}
}
#Outputs: {}
#Sample: #Options & {plain: 1}
`

func TestDiffOptions(t *testing.T) {
	l, err := schema.NewLoader([]schema.PluginSchema{{Name: "deep", CUE: diffCUE}})
	if err != nil {
		t.Fatal(err)
	}
	e, def := &Engine{}, l.Definition("deep")
	for name, tt := range map[string]struct{ before, after, unknown, want string }{
		"nothing":                        {`{"token":"s"}`, `{"token":"s"}`, ``, ``},
		"plain":                          {`{"plain":1}`, `{"plain":2}`, ``, `options.plain 1 2`},
		"a secret":                       {`{"token":"s"}`, `{"token":"t"}`, ``, `options.token - - secret`},
		"a secret that is added":         {`{}`, `{"token":"t"}`, ``, `options.token - - secret`},
		"a secret that is removed":       {`{"token":"t"}`, `{}`, ``, `options.token - - secret`},
		"a secret in a list":             {`{"nodes":[{"secret":"s"}]}`, `{"nodes":[{"secret":"t"}]}`, ``, `options.nodes[0].secret - - secret`},
		"an item with a secret":          {`{"nodes":[]}`, `{"nodes":[{"secret":"t"}]}`, ``, `options.nodes[0] - {"secret":"(secret)"} replace`},
		"a secret in a map":              {`{"vault":{"a.b/c":"s","d":"s"}}`, `{"vault":{"a.b/c":"t","d":"s"}}`, ``, `options.vault.a.b/c - - secret`},
		"replace":                        {`{"zone":"a"}`, `{"zone":"b"}`, ``, `options.zone "a" "b" replace`},
		"replace, added and removed":     {`{"zone":"a"}`, `{"place":{"street":"b"}}`, ``, `options.place - {"street":"b"} replace; options.zone "a" - replace`},
		"beside replace":                 {`{"place":{"city":"a","street":"s"}}`, `{"place":{"city":"b","street":"s"}}`, ``, `options.place.city "a" "b"`},
		"nested replace":                 {`{"place":{"street":"a"}}`, `{"place":{"street":"b"}}`, ``, `options.place.street "a" "b" replace`},
		"a struct without replace":       {`{"place":{"room":{"door":"a"}}}`, `{"place":{}}`, ``, `options.place.room {"door":"a"} -`},
		"in a struct with replace":       {`{"disk":{"size":1}}`, `{"disk":{"size":2}}`, ``, `options.disk.size 1 2 replace`},
		"deep in a struct with replace":  {`{"disk":{"labels":{"a.b":"1"}}}`, `{"disk":{"labels":{"a.b":"2"}}}`, ``, `options.disk.labels.a.b "1" "2" replace`},
		"in a list with replace":         {`{"tags":["a"]}`, `{"tags":["b"]}`, ``, `options.tags[0] "a" "b" replace`},
		"a list item's replace":          {`{"nodes":[{"name":"a","size":1}]}`, `{"nodes":[{"name":"b","size":2}]}`, ``, `options.nodes[0].name "a" "b" replace; options.nodes[0].size 1 2`},
		"in a map with replace":          {`{"labels":{"a":"1","b.c":"1"}}`, `{"labels":{"a":"1","b.c":"2"}}`, ``, `options.labels.b.c "1" "2" replace`},
		"in an open struct with replace": {`{"open":{"a":{"b":1}}}`, `{"open":{"a":{"b":2}}}`, ``, `options.open.a.b 1 2 replace`},
		"a map's struct, a dotted key":   {`{"teams":{"x.y":{"lead":"a","size":1}}}`, `{"teams":{"x.y":{"lead":"b","size":2}}}`, ``, `options.teams.x.y.lead "a" "b" replace; options.teams.x.y.size 1 2`},
		"what the schema does not know":  {`{"gone":1}`, `{"new":{"a":1}}`, ``, `options.gone 1 -; options.new - {"a":1}`},
		"unknown":                        {`{"plain":"x"}`, `{"plain":"${{ a.b.outputs.c }}"}`, `options.plain`, `options.plain "x" "${{ a.b.outputs.c }}" unknown`},
		"unknown, and was so":            {`{"plain":"${{ a.b.outputs.c }}"}`, `{"plain":"${{ a.b.outputs.c }}"}`, `options.plain`, `options.plain "" "" unknown`},
		"unknown below":                  {`{}`, `{"place":{"city":"${{ a.b.outputs.c }}"}}`, `options.place.city`, `options.place - {"city":"${{ a.b.outputs.c }}"} unknown replace`},
		"unknown secret":                 {`{"token":"x"}`, `{"token":"${{ a.b.outputs.c }}"}`, `options.token`, `options.token - - unknown secret`},
		"unknown replace":                {`{"zone":"x"}`, `{"zone":"${{ a.b.outputs.c }}"}`, `options.zone`, `options.zone "x" "${{ a.b.outputs.c }}" unknown replace`},
		"unknown and known":              {`{"plain":{"a":1,"b":1}}`, `{"plain":{"a":2,"b":"${{ a.b.outputs.c }}"}}`, `options.plain.b`, `options.plain.a 1 2; options.plain.b 1 "${{ a.b.outputs.c }}" unknown`},
	} {
		var unknown []string
		if tt.unknown != "" {
			unknown = strings.Split(tt.unknown, " ")
		}
		before, err := e.seal(def, json.RawMessage(tt.before), unknown, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		after, err := e.seal(def, json.RawMessage(tt.after), unknown, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		diffs, err := diffOptions(def, before, after, unknown)
		var got []string
		for _, d := range diffs {
			got = append(got, diffText(d))
		}
		if err != nil || strings.Join(got, "; ") != tt.want {
			t.Errorf("%s: %s, %v, want %s", name, strings.Join(got, "; "), err, tt.want)
		}
	}
}

func TestWhatAnOlderSchemaDidNotHaveIsNoChangeUntilSomebodyWritesIt(t *testing.T) {
	l, err := schema.NewLoader([]schema.PluginSchema{{Name: "grown", CUE: `package grown
#Options: {
	name!: string
	new: *"usual" | string @replace()
	part: {size: *1 | int, colour: *"red" | string}
	open: *true | bool
	maybe?: string
}
#Outputs: {}
#Sample: #Options & {name: "a"}
`}})
	if err != nil {
		t.Fatal(err)
	}
	def := l.Definition("grown")
	for name, k := range map[string]struct{ have, want, diffs string }{
		"all defaults": {
			`{"name":"a"}`,
			`{"name":"a","new":"usual","part":{"size":1,"colour":"red"},"open":true}`, "",
		},
		"written": {
			`{"name":"a"}`,
			`{"name":"a","new":"own","part":{"size":2,"colour":"red"},"open":false,"maybe":"x"}`,
			`options.maybe - "x"; options.new - "own" replace; options.open - false; options.part - {"colour":"red","size":2}`,
		},
		"a part of a part": {`{"name":"a","new":"usual","open":true,"part":{"size":1}}`, `{"name":"a","new":"usual","part":{"size":1,"colour":"red"},"open":true}`, ""},
		"beside a change":  {`{"name":"a"}`, `{"name":"b","new":"usual","part":{"size":1,"colour":"red"},"open":true}`, `options.name "a" "b"`},
		"back to the default": {
			`{"name":"a","new":"own","part":{"size":1,"colour":"red"},"open":true}`,
			`{"name":"a","new":"usual","part":{"size":1,"colour":"red"},"open":true}`, `options.new "own" "usual" replace`,
		},
		"gone": {`{"name":"a","old":1}`, `{"name":"a"}`, `options.old 1 -`},
	} {
		diffs, err := diffOptions(def, sealed{options: json.RawMessage(k.have)}, sealed{options: json.RawMessage(k.want)}, nil)
		var got []string
		for _, d := range diffs {
			got = append(got, diffText(d))
		}
		if err != nil || strings.Join(got, "; ") != k.diffs {
			t.Errorf("%s: %s, %v, want %s", name, strings.Join(got, "; "), err, k.diffs)
		}
	}
	if diffs, err := diffOptions(def, sealed{}, sealed{options: json.RawMessage(`{"name":"a","open":true}`)}, nil); err != nil || len(diffs) != 2 {
		t.Errorf("of what is new everything is shown: %v, %v", diffs, err)
	}
}

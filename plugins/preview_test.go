package plugins_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

// prophet is a fake that is a Previewer.
type prophet struct{ fake }

func (p *prophet) Preview(_ context.Context, want, have options, last resource) (plugins.Preview, error) {
	p.want, p.have, p.last = want, have, last
	_, err := p.answer("preview")
	return plugins.Preview{Notes: []string{"of " + want.Name}}, err
}

func TestPreviewIsForPreviewersOnly(t *testing.T) {
	k := plugins.New("fake", "", &fake{answer: fine})
	if p, err := k.Preview(t.Context(), json.RawMessage(`{}`), nil, nil); k.Previews() || !p.Empty() || err != nil {
		t.Errorf("of another plugin: %t, %+v, %v", k.Previews(), p, err)
	}
	if (plugins.Kind{}).Previews() {
		t.Error("no plugin at all previews")
	}
	p := &prophet{fake{answer: fine}}
	k = plugins.New("fake", "", p)
	got, err := k.Preview(t.Context(), json.RawMessage(`{"name": "w"}`), json.RawMessage(`{"name": "h", "old": 1}`), json.RawMessage(`{"name": "l"}`))
	if want := (plugins.Preview{Notes: []string{"of w"}}); !k.Previews() || err != nil || !reflect.DeepEqual(got, want) || got.Empty() {
		t.Errorf("of a previewer: %t, %+v, %v", k.Previews(), got, err)
	}
	if p.want.Name != "w" || p.have.Name != "h" || p.last.Name != "l" {
		t.Errorf("the plugin got %+v, %+v, %+v", p.want, p.have, p.last)
	}
	if _, err := k.Preview(t.Context(), json.RawMessage(`{"name": "w"}`), nil, nil); err != nil || p.have != (options{}) || p.last != (resource{}) {
		t.Errorf("for a create it got %+v, %+v, %v", p.have, p.last, err)
	}
}

func TestAPreviewFailsLikeAVerb(t *testing.T) {
	k := plugins.New("fake", "", &prophet{fake{answer: func(string) (resource, error) { panic("no crystal") }}})
	var p *plugins.PanicError
	if _, err := k.Preview(t.Context(), json.RawMessage(`{}`), nil, nil); !errors.As(err, &p) || p.Verb != "preview" {
		t.Errorf("a panic is %v", err)
	}
	for _, docs := range [][4]string{{`{"nmae": 1}`, `{}`, `{}`, "options: "}, {`{}`, `[]`, `{}`, "recorded options: "}, {`{}`, `{}`, `[]`, "recorded resource: "}} {
		_, err := k.Preview(t.Context(), json.RawMessage(docs[0]), json.RawMessage(docs[1]), json.RawMessage(docs[2]))
		if err == nil || !strings.HasPrefix(err.Error(), docs[3]) {
			t.Errorf("%v: %v", docs, err)
		}
	}
}

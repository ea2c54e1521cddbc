package parts

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// answer answers one request as Trello does.
func (k *Kanban) answer(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	for _, rule := range trelloRules() {
		mux.HandleFunc(rule.pattern, func(w http.ResponseWriter, r *http.Request) {
			k.mu.Lock()
			defer k.mu.Unlock()
			answer, err := func() (any, error) {
				if err := k.known(r); err != nil {
					return nil, err
				}
				for _, name := range []string{"id", "action"} {
					if id := r.PathValue(name); id != "" && !trelloID(id) {
						return nil, errTrelloID
					}
				}
				p, err := k.allowed(rule, r)
				if err != nil {
					return nil, err
				}
				return rule.serve(k, r, p)
			}()
			var refusal *trelloRefusal
			if errors.As(err, &refusal) {
				http.Error(w, refusal.text, refusal.status)
				return
			}
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		k.t.Errorf("trello: %s %s: nothing is known of that", r.Method, r.URL.Path)
		http.Error(w, "Cannot "+r.Method+" "+r.URL.Path, http.StatusNotFound)
	})
	mux.ServeHTTP(w, r)
}

// trelloFields are those of an object that were asked for, and its ID.
func trelloFields(p url.Values, all map[string]any) map[string]any {
	asked := p.Get("fields")
	if asked == "" {
		return all
	}
	some := map[string]any{"id": all["id"]}
	for name := range strings.SplitSeq(asked, ",") {
		some[name] = all[name]
	}
	return some
}

func (k *Kanban) boardJSON(b *TrelloBoard) map[string]any {
	short := "https://trello.com/b/" + b.ID[16:]
	return map[string]any{
		"id": b.ID, "name": b.Name, "desc": b.Desc, "descData": nil, "closed": b.Closed, "idOrganization": nil, "pinned": false,
		"url": short + "/board", "shortUrl": short, "labelNames": map[string]any{},
		"prefs": map[string]any{"permissionLevel": b.permission, "selfJoin": true, "cardCovers": true},
	}
}

func trelloListJSON(b *TrelloBoard, i int) map[string]any {
	l := b.Lists[i]
	return map[string]any{"id": l.ID, "name": l.Name, "closed": l.Closed, "idBoard": b.ID, "pos": (i + 1) * 16384, "subscribed": false, "softLimit": nil}
}

func trelloCardJSON(b *TrelloBoard, l *TrelloList, c *TrelloCard) map[string]any {
	return map[string]any{"id": c.ID, "name": c.Name, "desc": c.Desc, "closed": c.Closed, "idList": l.ID, "idBoard": b.ID}
}

func trelloActionJSON(c TrelloComment) map[string]any {
	return map[string]any{"id": c.ID, "type": "commentCard", "data": map[string]any{"text": c.Text}}
}

func (k *Kanban) getMe(_ *http.Request, p url.Values) (any, error) {
	return trelloFields(p, map[string]any{"id": "5abbe4b7ddc1b351ef961414", "username": "cnych", "fullName": "C. Nych"}), nil
}

func (k *Kanban) getMyBoards(_ *http.Request, p url.Values) (any, error) {
	all := []any{}
	for _, b := range k.boards {
		if filter := p.Get("filter"); filter == "" || filter == "all" || filter == "open" && !b.Closed || filter == "closed" && b.Closed {
			all = append(all, trelloFields(p, k.boardJSON(b)))
		}
	}
	return all, nil
}

func (k *Kanban) postBoard(_ *http.Request, p url.Values) (any, error) {
	b := &TrelloBoard{ID: k.id(), Name: p.Get("name"), Desc: p.Get("desc"), permission: "private"}
	if level := p.Get("prefs_permissionLevel"); level != "" {
		b.permission = level
	}
	if p.Get("defaultLists") != "false" {
		for _, name := range []string{"To Do", "Doing", "Done"} {
			b.Lists = append(b.Lists, TrelloList{ID: k.id(), Name: name})
		}
	}
	k.boards = append(k.boards, b)
	return k.boardJSON(b), nil
}

func (k *Kanban) getBoard(r *http.Request, p url.Values) (any, error) {
	b := k.board(r.PathValue("id"))
	if b == nil {
		return nil, errTrelloAbsent
	}
	return trelloFields(p, k.boardJSON(b)), nil
}

func (k *Kanban) putBoard(r *http.Request, p url.Values) (any, error) {
	b := k.board(r.PathValue("id"))
	if b == nil {
		return nil, errTrelloAbsent
	}
	trelloSet(p, "name", &b.Name)
	trelloSet(p, "desc", &b.Desc)
	trelloSetBool(p, "closed", &b.Closed)
	return k.boardJSON(b), nil
}

func (k *Kanban) deleteBoard(r *http.Request, _ url.Values) (any, error) {
	b := k.board(r.PathValue("id"))
	if b == nil {
		return nil, errTrelloAbsent
	}
	k.boards = slices.DeleteFunc(k.boards, func(other *TrelloBoard) bool { return other == b })
	return map[string]any{"_value": nil}, nil
}

func (k *Kanban) getLists(r *http.Request, p url.Values) (any, error) {
	b := k.board(r.PathValue("id"))
	if b == nil {
		return nil, errTrelloAbsent
	}
	all := []any{}
	for i, l := range b.Lists {
		if filter := p.Get("filter"); filter == "all" || filter == "closed" && l.Closed || (filter == "" || filter == "open") && !l.Closed {
			all = append(all, trelloFields(p, trelloListJSON(b, i)))
		}
	}
	return all, nil
}

func (k *Kanban) postList(_ *http.Request, p url.Values) (any, error) {
	b := k.board(p.Get("idBoard"))
	switch {
	case b == nil:
		return nil, errTrelloAbsent
	case b.Closed:
		return nil, &trelloRefusal{http.StatusBadRequest, "board is closed"}
	}
	l := TrelloList{ID: k.id(), Name: p.Get("name")}
	if p.Get("pos") == "bottom" {
		b.Lists = append(b.Lists, l)
		return trelloListJSON(b, len(b.Lists)-1), nil
	}
	b.Lists = slices.Insert(b.Lists, 0, l)
	return trelloListJSON(b, 0), nil
}

func (k *Kanban) putList(r *http.Request, p url.Values) (any, error) {
	b, l := k.list(r.PathValue("id"))
	if l == nil {
		return nil, errTrelloAbsent
	}
	trelloSet(p, "name", &l.Name)
	trelloSetBool(p, "closed", &l.Closed)
	return trelloListJSON(b, slices.IndexFunc(b.Lists, func(other TrelloList) bool { return other.ID == l.ID })), nil
}

func (k *Kanban) getCards(r *http.Request, p url.Values) (any, error) {
	b := k.board(r.PathValue("id"))
	if b == nil {
		return nil, errTrelloAbsent
	}
	filter := r.PathValue("filter")
	all := []any{}
	for i := range b.Lists {
		for j := range b.Lists[i].Cards {
			c := &b.Lists[i].Cards[j]
			if filter == "all" || filter == "closed" && c.Closed || filter == "open" && !c.Closed || filter == "visible" && !c.Closed && !b.Lists[i].Closed {
				all = append(all, trelloFields(p, trelloCardJSON(b, &b.Lists[i], c)))
			}
		}
	}
	return all, nil
}

func (k *Kanban) postCard(_ *http.Request, p url.Values) (any, error) {
	b, l := k.list(p.Get("idList"))
	if l == nil {
		return nil, errTrelloAbsent
	}
	l.Cards = append(l.Cards, TrelloCard{ID: k.id(), Name: p.Get("name"), Desc: p.Get("desc")})
	return trelloCardJSON(b, l, &l.Cards[len(l.Cards)-1]), nil
}

func (k *Kanban) putCard(r *http.Request, p url.Values) (any, error) {
	b, l, c := k.card(r.PathValue("id"))
	if c == nil {
		return nil, errTrelloAbsent
	}
	trelloSet(p, "name", &c.Name)
	trelloSet(p, "desc", &c.Desc)
	trelloSetBool(p, "closed", &c.Closed)
	if to := p.Get("idList"); to != "" && to != l.ID {
		_, target := k.list(to)
		if target == nil {
			return nil, errTrelloAbsent
		}
		moved := *c
		l.Cards = slices.DeleteFunc(l.Cards, func(other TrelloCard) bool { return other.ID == moved.ID })
		target.Cards = append(target.Cards, moved)
		l, c = target, &target.Cards[len(target.Cards)-1]
	}
	return trelloCardJSON(b, l, c), nil
}

func (k *Kanban) getActions(r *http.Request, _ url.Values) (any, error) {
	_, _, c := k.card(r.PathValue("id"))
	if c == nil {
		return nil, errTrelloAbsent
	}
	all := []any{}
	for _, comment := range slices.Backward(c.Comments) {
		all = append(all, trelloActionJSON(comment))
	}
	return all, nil
}

func (k *Kanban) postComment(r *http.Request, p url.Values) (any, error) {
	_, _, c := k.card(r.PathValue("id"))
	if c == nil {
		return nil, errTrelloAbsent
	}
	c.Comments = append(c.Comments, TrelloComment{ID: k.id(), Text: p.Get("text")})
	return trelloActionJSON(c.Comments[len(c.Comments)-1]), nil
}

func (k *Kanban) putComment(r *http.Request, p url.Values) (any, error) {
	_, _, c := k.card(r.PathValue("id"))
	if c == nil {
		return nil, errTrelloAbsent
	}
	for i := range c.Comments {
		if c.Comments[i].ID == r.PathValue("action") {
			c.Comments[i].Text = p.Get("text")
			return trelloActionJSON(c.Comments[i]), nil
		}
	}
	return nil, errTrelloAbsent
}

func (k *Kanban) deleteComment(r *http.Request, _ url.Values) (any, error) {
	_, _, c := k.card(r.PathValue("id"))
	if c == nil {
		return nil, errTrelloAbsent
	}
	before := len(c.Comments)
	c.Comments = slices.DeleteFunc(c.Comments, func(one TrelloComment) bool { return one.ID == r.PathValue("action") })
	if len(c.Comments) == before {
		return nil, errTrelloAbsent
	}
	return map[string]any{"_value": nil}, nil
}

func trelloSet(p url.Values, name string, to *string) {
	if p.Has(name) {
		*to = p.Get(name)
	}
}

func trelloSetBool(p url.Values, name string, to *bool) {
	if p.Has(name) {
		*to = p.Get(name) == "true"
	}
}

package trello

import (
	"context"

	api "github.com/devstream-io/dtm/plugins/internal/trello"
)

func (l Lists) all() [3]string { return [3]string{l.Todo, l.Doing, l.Done} }

func (r Resource) listIDs() [3]string { return [3]string{r.TodoListID, r.DoingListID, r.DoneListID} }

// seen are the lists that there are: those that were recorded, under whatever name, and else those of the right name.
func seen(all []api.List, names Lists, last Resource) [3]api.List {
	var lists [3]api.List
	ids := last.listIDs()
	for i, name := range names.all() {
		for _, l := range all {
			if l.Closed {
				continue
			}
			if l.ID == ids[i] {
				lists[i] = l
				break
			}
			if l.Name == name && lists[i].ID == "" {
				lists[i] = l
			}
		}
	}
	return lists
}

// bringLists makes sure of the lists, from left to right. One that has the right name already is taken as it is; else the
// one that was recorded, or that has the former name, gets the new name, and comes out of the archive with its cards; else
// one is made.
func bringLists(ctx context.Context, client *api.Client, board string, want, have Lists, last Resource) ([3]api.List, error) {
	var lists [3]api.List
	all, err := client.Lists(ctx, board)
	if err != nil {
		return lists, err
	}
	used := map[string]bool{}
	take := func(i int, fits func(api.List) bool) bool {
		for _, l := range all {
			if lists[i].ID == "" && !used[l.ID] && fits(l) {
				lists[i], used[l.ID] = l, true
			}
		}
		return lists[i].ID != ""
	}
	names, former, ids := want.all(), have.all(), last.listIDs()
	// All names come before any ID: a list that was renamed may have been given the name that another is wanted by.
	for i, name := range names {
		take(i, func(l api.List) bool { return l.Name == name && !l.Closed })
	}
	for i, name := range names {
		if lists[i].ID != "" {
			continue
		}
		if !take(i, func(l api.List) bool { return l.ID == ids[i] }) && !take(i, func(l api.List) bool { return l.Name == former[i] && !l.Closed }) {
			if lists[i], err = client.CreateList(ctx, board, name); err != nil {
				return lists, err
			}
			continue
		}
		open := false
		if lists[i], err = client.UpdateList(ctx, lists[i].ID, api.Change{Name: &name, Closed: &open}); err != nil {
			return lists, err
		}
	}
	return lists, nil
}

package main

import "github.com/devstream-io/dtm/schema"

// showNotes tells what the author of a configuration should know and nothing has to be done about. It is for the commands
// that look at a configuration, once in each.
func (a *app) showNotes(config *schema.Config) {
	for _, n := range config.Notes {
		a.screen.Note(n)
	}
}

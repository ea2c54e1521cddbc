package schema

// Origin is where a value comes from that does not stand where it is used.
type Origin struct {
	// Variable is the variable that was filled in, the first of several.
	Variable string
	// Pos is where the variable's value was written.
	Pos Pos
	// Whole tells that there is nothing beside it.
	Whole bool
}

// hint says where a value comes from, behind what is known already.
func (o *Origin) hint(known string) string {
	if o == nil {
		return known
	}
	from := "variable `" + o.Variable + "` is set at " + o.Pos.String()
	if known == "" {
		return from
	}
	return known + "; " + from
}

// from is the origin of the value at a path, nil for none.
func (s source) from(path []string) *Origin {
	if s.origin == nil {
		return nil
	}
	return s.origin(path)
}

// origin finds where the value at a path below "tools" comes from.
func (s *Source) origin() func(path []string) *Origin {
	tools := s.byID()
	return func(path []string) *Origin {
		if len(path) < 4 || path[0] != "tools" {
			return nil
		}
		t := tools[MakeID(path[1], path[2])]
		switch {
		case t == nil:
		case path[3] == "dependsOn" && len(path) > 4:
			if i, ok := index(path[4], len(t.DependsOn)); ok {
				return t.DependsOn[i].From
			}
		case path[3] == "options":
			return t.Options.origin(path[4:])
		case path[3] == "lifecycle":
			return t.Lifecycle.origin(path[4:])
		}
		return nil
	}
}

// origin follows a path to its end.
func (v *Value) origin(path []string) *Origin {
	if len(path) == 0 {
		return v.From
	}
	for i := range v.Fields {
		if v.Fields[i].Name == path[0] {
			return v.Fields[i].Value.origin(path[1:])
		}
	}
	if i, ok := index(path[0], len(v.Items)); ok {
		return v.Items[i].origin(path[1:])
	}
	return nil
}

package plugins_test

import (
	"slices"
	"testing"

	"github.com/devstream-io/dtm/plugins"
)

func TestAReportIsHeardByWhoListensLast(t *testing.T) {
	plugins.Report(t.Context(), "nobody listens")
	var outer, inner []string
	ctx := plugins.WithReport(t.Context(), func(text string) { outer = append(outer, text) })
	plugins.Report(ctx, "one")
	plugins.Report(plugins.WithReport(ctx, func(text string) { inner = append(inner, text) }), "two")
	plugins.Report(plugins.WithReport(ctx, nil), "three")
	if !slices.Equal(outer, []string{"one"}) || !slices.Equal(inner, []string{"two"}) {
		t.Errorf("heard %v and %v", outer, inner)
	}
}

package schema

import (
	"strings"
	"testing"
)

func TestASchemaWithoutADefinitionIsToldByTheLoader(t *testing.T) {
	t.Parallel()
	for missing, text := range map[string]string{
		"it has no package clause": strings.ReplaceAll(thingCUE, "package thing", ""),
		"it has no #Options":       strings.ReplaceAll(thingCUE, "#Options", "#Choices"),
		"it has no #Outputs":       strings.ReplaceAll(thingCUE, "#Outputs", "#Results"),
		"it has no #Sample":        strings.ReplaceAll(thingCUE, "#Sample", "#Example"),
	} {
		_, err := NewLoader([]PluginSchema{{Name: "thing", CUE: text}})
		if want := "schema of plugin thing: " + missing; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

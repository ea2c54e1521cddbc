package schema

import "maps"

// laterParts are the keys of the form of 0.10 to 0.12, of which some are those of the forms before.
func (d *jsonSchemas) laterParts(before object) (object, error) {
	d.defs["app"] = object{
		"description": "An app: one tool for each element of `ci` and `cd`, and one for its repository.",
		"type":        "object", "required": []string{"name", "spec", "repo"}, "additionalProperties": false,
		"properties": object{
			"name": variableScalar("The name of the app, which all of its tools have as instance: lower-case letters, digits, \"-\" and \".\"."),
			"spec": object{
				"description": "What the app is written in. All that stands here can be used in the templates of its pipelines.",
				"type":        []string{"object", "null"}, "required": []string{"language", "framework"},
				"properties": object{"language": variableScalar("The language, as in \"go\"."), "framework": variableScalar("The framework, as in \"gin\".")},
			},
			"repo":         ref("devstream.repository"),
			"repoTemplate": worded("The repository that the app's is made of.", ref("devstream.repository")),
			"ci":           object{"description": "What builds the app.", "type": []string{"array", "null"}, "items": ref("appPipeline")},
			"cd":           object{"description": "What deploys the app.", "type": []string{"array", "null"}, "items": ref("appPipeline")},
		},
	}
	kinds := []string{"github-actions", "gitlab-ci", "argocdapp", "jenkins-pipeline"}
	options := func() object {
		return loose("The options of the pipeline; those of the plugin are made of them.", object{
			"imageRepo": ref("devstream.image"), "configLocation": variableScalar("Where the file of the pipeline comes from. Without it, dtm writes the file."),
		})
	}
	d.defs["appPipeline"] = object{
		"type": "object", "required": []string{"type"}, "additionalProperties": false,
		"properties": object{
			"type":         worded("The plugin, or \"template\" for one of pipelineTemplates.", fillable(object{"enum": append([]string{"template"}, kinds...)}, true)),
			"templateName": variableScalar("The name of one of pipelineTemplates."),
			"options":      options(),
			"vars":         loose("What the template knows by name, besides `spec` and `vars`.", object{}),
		},
		"if":   object{"required": []string{"type"}, "properties": object{"type": object{"const": "template"}}},
		"then": object{"required": []string{"templateName"}},
	}
	d.defs["pipelineTemplate"] = object{
		"type": "object", "required": []string{"name", "type"}, "additionalProperties": false,
		"properties": object{
			"name":    variableScalar("What `templateName` says."),
			"type":    object{"description": "The plugin.", "enum": kinds},
			"options": options(),
		},
	}
	later := object{
		"config": object{
			"description": "Where the state is.", "type": []string{"object", "null"}, "additionalProperties": false,
			"properties": object{"state": ref("state")},
		},
		"vars": loose("The variables, which may need one another.", object{}),
		"apps": object{"description": "The apps, each of which becomes several tools.", "type": []string{"array", "null"}, "items": ref("app")},
		"pipelineTemplates": object{
			"description": "What the pipelines of several apps have in common.", "type": []string{"array", "null"}, "items": ref("pipelineTemplate"),
		},
	}
	out := maps.Clone(before)
	for _, key := range []string{"state", "varFile", "toolFile", "pluginDir"} {
		delete(out, key)
	}
	maps.Copy(out, later)
	return out, nil
}

// worded is a schema with words of its own.
func worded(description string, s object) object {
	s["description"] = description
	return s
}

package workflow

import (
	_ "embed"
	"slices"
	"strings"
)

// nextVersion is a script that puts the next version into Git as a tag, or finds the one that the commit has already.
//
//go:embed nextversion.sh
var nextVersion string

const onPush = "github.event_name == 'push'"

// image are the jobs that publish an image after all others, for pushes to the branch alone.
func (o Actions) image(needs []string, file string) fields {
	var jobs fields
	kinds := "type=sha,prefix=,format=short\ntype=raw,value=latest\n"
	if o.Docker.Tag != "sha" {
		tag := append(o.job(needs),
			field{"if", onPush},
			field{"permissions", fields{{"contents", "write"}}},
			field{"outputs", fields{{"version", "${{ steps.next.outputs.version }}"}}},
			field{"steps", []fields{
				{{"uses", checkout()}, {"with", fields{{"fetch-depth", 0}}}},
				{{"name", "Next version"}, {"id", "next"}, {"run", nextVersion}},
			}},
		)
		jobs = append(jobs, field{"tag", tag})
		needs = append(slices.Clone(needs), "tag")
		kinds = "type=raw,value=${{ needs.tag.outputs.version }}\ntype=raw,value=latest\n"
	}
	d := o.Docker
	access := fields{{"username", d.Registry.Username}, {"password", "${{ secrets." + d.secret(file) + " }}"}}
	if host := d.Registry.host(); host != "" {
		access = append(fields{{"registry", host}}, access...)
	}
	with := fields{
		{"context", d.Context},
		{"file", d.Dockerfile},
		{"push", true},
		{"tags", "${{ steps.meta.outputs.tags }}"},
		{"labels", "${{ steps.meta.outputs.labels }}"},
		{"cache-from", "type=gha,scope=" + stem(file)},
		{"cache-to", "type=gha,mode=max,scope=" + stem(file)},
	}
	if len(d.Platforms) > 0 {
		with = append(with, field{"platforms", strings.Join(d.Platforms, ",")})
	}
	steps := []fields{{{"uses", checkout()}, {"with", fields{{"persist-credentials", false}}}}}
	if len(d.Platforms) > 0 {
		steps = append(steps, fields{{"uses", setupQEMU()}})
	}
	steps = append(steps,
		fields{{"uses", setupBuildx()}},
		fields{{"uses", login()}, {"with", access}},
		fields{{"uses", metadata()}, {"id", "meta"}, {"with", fields{
			{"images", d.image(o.Repo)}, {"flavor", "latest=false"}, {"tags", kinds},
		}}},
		fields{{"uses", buildPush()}, {"with", with}},
	)
	return append(jobs, field{"image", append(o.job(needs), field{"if", onPush}, field{"steps", steps})})
}

apiVersion: v2
name: [[ printf "%q" .Slug ]]
description: [[ printf "%q" (or .Description (printf "The service %s" .AppName)) ]]
type: application
version: 0.1.0
# The image's tag, where the values have none.
appVersion: "latest"

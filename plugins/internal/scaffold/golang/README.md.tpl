# [[ .AppName ]]
[[ if .Description ]]
[[ .Description ]]
[[ end ]]
A service that answers HTTP requests, in Go, with nothing but the standard library.

    make            # vet, test and build
    make run        # listens on :8080; ADDR=:9090 make run listens elsewhere
    make image      # [[ .ImageRepo ]]

| Path | |
|---|---|
| `/` | who it is, and its version |
| `/healthz` | whether it works |

On SIGTERM it takes no new requests and finishes those that have begun.

## Where things are

| | |
|---|---|
| `cmd/[[ .AppName ]]` | the program |
| `internal/server` | the HTTP server and its handlers |
| `helm/[[ .AppName ]]` | the Helm chart |
[[- if eq .CI "github" ]]
| `.github/workflows/check.yml` | what is checked at each push and each pull request |
[[- else if eq .CI "gitlab" ]]
| `.gitlab-ci.yml` | what is checked at each push and each merge request |
[[- end ]]
| `.dtm.json` | what dtm has written here; the rest is yours, and so is what you change |

## On Kubernetes

    helm install [[ .Slug ]] helm/[[ .AppName ]] --set image.tag=v1.0.0

`image.tag` is the version of the image that is to run; without it, the chart's `appVersion`.

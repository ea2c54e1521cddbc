[[ if eq .CI "gitlab" -]]
# Checks each merge request, and what is pushed to the default branch. Nothing is published.
workflow:
  auto_cancel:
    on_new_commit: interruptible
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
      auto_cancel:
        on_new_commit: none
check:
  image: golang:1.26
  interruptible: true
  timeout: 15 minutes
  script:
    - test -z "$(gofmt -l . | tee /dev/stderr)"
    - go vet ./...
    - go build ./...
    - go test -race ./...
[[ end -]]

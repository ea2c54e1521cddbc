[[ if eq .CI "github" -]]
# Checks each pull request, and what is pushed to the branch. Nothing is published: that is another workflow's.
name: check
on:
  push:
    branches:
      - [[ printf "%q" .BranchPattern ]]
  pull_request:
permissions:
  contents: read
concurrency:
  group: check-${{ github.event_name == 'pull_request' && github.ref || github.run_id }}
  cancel-in-progress: ${{ github.event_name == 'pull_request' }}
jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
      - uses: actions/setup-go@7a3fe6cf4cb3a834922a1244abfce67bcef6a0c5 # v6.2.0
        with:
          go-version: "1.26"
          # There is no go.sum yet to keep a cache by.
          cache: false
      - name: Format
        run: test -z "$(gofmt -l . | tee /dev/stderr)"
      - name: Vet
        run: go vet ./...
      - name: Build
        run: go build ./...
      - name: Test
        run: go test -race ./...
[[ end -]]

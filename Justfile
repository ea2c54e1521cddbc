# Shortcuts. Nothing depends on just being there: each recipe is a command that can be typed.

# List the recipes.
default:
    @just --list

# The everyday gate, in a few minutes: format, vet, lint, and the short tests with the race detector.
check:
    .ci/run format vet lint
    GORACE=atexit_sleep_ms=10 go test -race -short ./...

# Every test. What the machine does not have is skipped: DTM_TEST_PARTS=require makes it fail instead.
test:
    go test ./...

# Every benchmark, five times: compare two runs with benchstat.
bench:
    go test -run '^$' -bench . -benchmem -count 5 ./...

# Rewrite the golden files below a folder, of the tests that know -update. Read the difference before committing it.
update folder='.':
    grep -rlE --include='*_test.go' 'flag\.Bool(Var)?\(.*"update"' {{ folder }} | xargs -r dirname | sort -u | xargs -r -I{} go test ./{} -update

# Make again what is generated.
gen:
    go generate ./...

# Fuzz every target for a few seconds; for longer: go test -run '^$' -fuzz '^FuzzX$' ./graph
fuzz:
    .ci/run fuzz

# The whole gate, as CI runs it.
ci:
    .ci/run

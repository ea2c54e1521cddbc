VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
IMAGE   ?= [[ .ImageRepo ]]

.PHONY: all build test vet run image clean

all: vet test build

build:
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/ ./cmd/...

test:
	go test -race ./...

vet:
	go vet ./...

run: build
	./bin/[[ .AppName ]]

image:
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE):$(VERSION) .

clean:
	rm -rf bin coverage.out

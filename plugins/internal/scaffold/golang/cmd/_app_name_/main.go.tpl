// Command [[ .AppName ]] is a service that answers HTTP requests.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"[[ .Module ]]/internal/server"
)

// version is set by the linker: see the Makefile.
var version = "dev"

func main() {
	addr := flag.String("addr", fromEnv("ADDR", ":8080"), "the address to listen on; ADDR in the environment says the same")
	flag.Parse()

	// Kubernetes ends a pod with SIGTERM, a terminal with ^C.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := server.Run(ctx, *addr, version, log.Printf); err != nil {
		log.Fatal(err)
	}
}

func fromEnv(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

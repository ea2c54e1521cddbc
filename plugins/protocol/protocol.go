// Package protocol is the wire between dtm and a plugin that runs as its own process: plugin.proto, the Go that is made of
// it, and the names that both sides share. Package external is dtm's side, package serve is a Go plugin's; README.md says
// how a plugin is written in any other language.
package protocol

// To make the Go of plugin.proto again: protoc (3.21), protoc-gen-go and protoc-gen-go-grpc. That it is still that of
// plugin.proto, a test says.
//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative plugin.proto

const (
	// Version is the version of the protocol, the second field of the handshake line.
	Version = 1
	// CookieName and CookieValue are the variable of the environment that tells a program that dtm has started it.
	CookieName  = "DTM_PLUGIN"
	CookieValue = "dtm-plugin-1"
	// DirName and CacheName are the variables that hold plugins.Env.Dir and plugins.Env.Cache.
	DirName   = "DTM_DIR"
	CacheName = "DTM_CACHE"
	// CertificateName is the variable with the certificate (PEM) that dtm shows, the only one that a plugin accepts.
	CertificateName = "PLUGIN_CLIENT_CERT"
	// Service is the name under which a plugin's health is asked for, and under which go-plugin keeps it.
	Service = "plugin"
	// MaxMessage is how long a message may be at most, in bytes, in both directions.
	MaxMessage = 64 << 20
)

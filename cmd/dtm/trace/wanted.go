package trace

import (
	"fmt"
	"net/url"
	"strings"
)

// wanted tells whether the environment asks for traces. The error says what it asks for that cannot be had.
func wanted(getenv func(string) string) (bool, error) {
	exporter := strings.TrimSpace(getenv("OTEL_TRACES_EXPORTER"))
	if strings.EqualFold(strings.TrimSpace(getenv("OTEL_SDK_DISABLED")), "true") || exporter == "none" {
		return false, nil
	}
	if exporter != "" && exporter != "otlp" {
		return false, unsupported{"OTEL_TRACES_EXPORTER", exporter, "otlp or none"}
	}
	name, endpoint := first(getenv, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	if endpoint == "" {
		return false, nil
	}
	if name, protocol := first(getenv, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return false, unsupported{name, protocol, "http/protobuf"}
	}
	// The SDK would take localhost instead. What stands there may have a password in it, so it is not quoted.
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false, fmt.Errorf("%s is not the address of a collector, as in http://localhost:4318", name)
	}
	return true, nil
}

// first is the first of the variables that is set, and its value.
func first(getenv func(string) string, names ...string) (name, value string) {
	for _, name := range names {
		if value := strings.TrimSpace(getenv(name)); value != "" {
			return name, value
		}
	}
	return "", ""
}

// unsupported says that a variable asks for what dtm does not have.
type unsupported struct{ name, value, has string }

func (u unsupported) Error() string {
	return fmt.Sprintf("%s=%s is not supported: dtm has %s", u.name, u.value, u.has)
}

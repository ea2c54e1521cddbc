package schema

import (
	"fmt"
	"regexp"
	"strings"
)

// ID names a tool: "<plugin>.<instance>". There is no other spelling.
// A plugin's name has no dot, an instance's may have some, so the first dot parts them.
type ID string

var (
	pluginName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	instanceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

// maxInstance is the length of an RFC 1123 subdomain: instances become names in Kubernetes.
const maxInstance = 253

// MakeID joins a plugin's name and an instance's without checking them.
func MakeID(plugin, instance string) ID { return ID(plugin + "." + instance) }

// ParseID checks s and returns it as an ID.
func ParseID(s string) (ID, error) {
	plugin, instance, ok := strings.Cut(s, ".")
	if !ok {
		return "", fmt.Errorf("%q is not a tool: write <plugin>.<instance>", s)
	}
	if err := CheckPluginName(plugin); err != nil {
		return "", err
	}
	if err := CheckInstanceName(instance); err != nil {
		return "", err
	}
	return ID(s), nil
}

// Plugin is the part before the first dot.
func (id ID) Plugin() string {
	plugin, _, _ := strings.Cut(string(id), ".")
	return plugin
}

// Instance is the part behind the first dot.
func (id ID) Instance() string {
	_, instance, _ := strings.Cut(string(id), ".")
	return instance
}

// CheckPluginName tells whether name can be a plugin's: an RFC 1123 label.
func CheckPluginName(name string) error {
	if len(name) > 63 || !pluginName.MatchString(name) {
		return fmt.Errorf("%q is not a plugin name: lower-case letters, digits and '-' (RFC 1123 label)", name)
	}
	return nil
}

// CheckInstanceName tells whether name can be an instance's: an RFC 1123 subdomain of at most 253 bytes.
func CheckInstanceName(name string) error {
	if len(name) > maxInstance || !instanceName.MatchString(name) {
		return fmt.Errorf("%q is not an instance name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit (RFC 1123 subdomain)", name)
	}
	return nil
}

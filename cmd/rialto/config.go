package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// defaultConfigPaths are tried in order when no file is named; the first that exists is read, and only that one.
var defaultConfigPaths = []string{"rialto.yaml", "/etc/rialto/rialto.yaml"}

// configFile resolves flags that neither the command line nor the environment has set. Its keys are the flags' names
// without the dashes; lists are YAML lists, durations strings such as "20s".
type configFile struct {
	path   string
	values map[string]any
}

// openConfigFile reads the file at path, or, if path is empty, the first of the default ones; nil if there is none.
// It refuses keys that are not in known, by name and line: a mistyped key must not be a silent default.
func openConfigFile(path string, known []string) (*configFile, error) {
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--config: %w", err)
		}
		return parseConfigFile(path, data, known)
	}
	for _, path := range defaultConfigPaths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("configuration file: %w", err)
		}
		return parseConfigFile(path, data, known)
	}
	return nil, nil
}

func parseConfigFile(path string, data []byte, known []string) (*configFile, error) {
	file := &configFile{path: path, values: map[string]any{}}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(document.Content) == 0 {
		return file, nil // empty, or nothing but comments
	}
	mapping := document.Content[0]
	if mapping.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: expected lines of the form key: value", path, mapping.Line)
	}
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if err := file.set(key, value, known); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, key.Line, err)
		}
	}
	return file, nil
}

func (f *configFile) set(key, value *yaml.Node, known []string) error {
	if !slices.Contains(known, key.Value) {
		return fmt.Errorf("unknown key %q; the keys are the flags of rialto serve, without the dashes", key.Value)
	}
	if _, twice := f.values[key.Value]; twice {
		return fmt.Errorf("key %q is there twice", key.Value)
	}
	if value.Kind == yaml.MappingNode {
		return fmt.Errorf("key %q: expected a value or a list", key.Value)
	}
	if value.Kind == yaml.ScalarNode {
		f.values[key.Value] = value.Value // read as on the command line: 5 is no duration there, either
		return nil
	}
	var v any
	if err := value.Decode(&v); err != nil {
		return fmt.Errorf("key %q: %w", key.Value, err)
	}
	f.values[key.Value] = v
	return nil
}

// Validate implements [kong.Resolver]; unknown keys were refused when the file was read.
func (f *configFile) Validate(*kong.Application) error { return nil }

// Resolve implements [kong.Resolver]. Kong itself would prefer a resolver to the environment.
func (f *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return f.values[flag.Name], nil
}

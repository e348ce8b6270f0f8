package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// defaultConfigPaths are tried in order when no file is named; the first that exists is read, and only that one.
var defaultConfigPaths = []string{"rialto.yaml", "/etc/rialto/rialto.yaml"}

// configFile resolves flags that neither the command line nor the environment has set. Its keys are the flags' names
// without the dashes; lists are YAML lists, durations strings such as "20s".
type configFile struct {
	path   string
	known  map[string]*kong.Flag // by name
	values map[string]any
	lines  map[string]int  // of the values
	used   map[string]bool // those that neither the command line nor the environment has set
}

// openConfigFile reads the file at path, or, if path is empty, the first of the default ones; nil if there is none.
// It refuses keys that are not in known, by name and line: a mistyped key must not be a silent default.
func openConfigFile(path string, known map[string]*kong.Flag) (*configFile, error) {
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

// serverFile is embedded by commands that look after a server: what they share with serve, such as --data and --admin, they take
// from its configuration file, too.
type serverFile struct {
	Config string `type:"path" placeholder:"FILE" help:"The server's configuration file. Without it rialto.yaml or /etc/rialto/rialto.yaml, if there is one."`
}

// BeforeResolve implements kong's hook.
func (serverFile) BeforeResolve(ctx *kong.Context) error {
	_, err := resolveByFile(ctx)
	return err
}

// resolveByFile adds the configuration file to where the flags of the command come from; nil if there is none.
func resolveByFile(ctx *kong.Context) (*configFile, error) {
	var path string
	for _, flag := range ctx.Flags() {
		if flag.Name == "config" {
			path = ctx.FlagValue(flag).(string)
		}
	}
	file, err := openConfigFile(path, serveFlags(ctx.Model))
	if err == nil && file != nil {
		ctx.AddResolver(file)
	}
	return file, err
}

// serveFlags are the flags that a configuration file may set, by name.
func serveFlags(app *kong.Application) map[string]*kong.Flag {
	flags := make(map[string]*kong.Flag)
	for _, command := range app.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			if flag.Name != "config" {
				flags[flag.Name] = flag
			}
		}
	}
	return flags
}

func parseConfigFile(path string, data []byte, known map[string]*kong.Flag) (*configFile, error) {
	file := &configFile{path: path, known: known, values: map[string]any{}, lines: map[string]int{}, used: map[string]bool{}}
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
		if err := file.set(key, value); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, key.Line, err)
		}
		if err := file.check(key.Value); err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", path, key.Line, key.Value, err)
		}
	}
	return file, nil
}

func (f *configFile) set(key, value *yaml.Node) error {
	if f.known[key.Value] == nil {
		return fmt.Errorf("unknown key %q; the keys are the flags of rialto serve, without the dashes", key.Value)
	}
	if _, twice := f.values[key.Value]; twice {
		return fmt.Errorf("key %q is there twice", key.Value)
	}
	f.lines[key.Value] = key.Line
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

// check reads a value as its flag will be read, so that what is wrong with it can be said with its line.
func (f *configFile) check(name string) error {
	flag := f.known[name]
	if text, ok := f.values[name].(string); ok && flag.Enum != "" && !flag.EnumMap()[text] {
		return fmt.Errorf("must be one of %s but got %q", quoted(flag.EnumSlice()), text) // as kong says it of a flag
	}
	scan := kong.Scan().PushTyped(f.values[name], kong.FlagValueToken)
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, reflect.New(flag.Target.Type()).Elem())
}

func quoted(values []string) string {
	var all []string
	for _, value := range values {
		all = append(all, strconv.Quote(value))
	}
	return strings.Join(all, ",")
}

// flagInError is the flag that an error of the configuration begins with, and what is said about it.
var flagInError = regexp.MustCompile(`^--([a-z0-9-]+):? (.*)`)

// explain says of an error about a flag where its value comes from, if that is here, and calls it by its key.
func (f *configFile) explain(err error) error {
	if err == nil || f == nil {
		return err
	}
	m := flagInError.FindStringSubmatch(err.Error())
	if m == nil || !f.used[m[1]] {
		return err
	}
	text := m[1] + ": " + m[2]
	if strings.HasPrefix(m[2], "and ") { // of two flags together
		text = strings.ReplaceAll(err.Error(), "--", "")
	}
	return fmt.Errorf("%s:%d: %s", f.path, f.lines[m[1]], text)
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
	value := f.values[flag.Name]
	f.used[flag.Name] = value != nil
	return value, nil
}

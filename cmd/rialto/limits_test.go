package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// Every limit is in the operators' page, with its default.
func TestOperationsPageListsEveryLimit(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := newParser(console{io.Discard, io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, command := range parser.Model.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			if flag.Group == nil || flag.Group.Key != "Rates" && !strings.HasPrefix(flag.Name, "max-") {
				continue
			}
			listed++
			if row := fmt.Sprintf("| `--%s` | `%s`", flag.Name, flag.Default); !strings.Contains(string(page), row) {
				t.Errorf("docs/operations.md has no row that begins with %s", row)
			}
		}
	}
	if listed < 16 {
		t.Errorf("only %d limits were found", listed)
	}
}

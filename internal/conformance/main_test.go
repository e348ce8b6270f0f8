package conformance

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roleVariable makes this test binary one of the programs that the suites start: it names which.
const roleVariable = "RIALTO_CONFORMANCE_ROLE"

// roles are these programs; each gets the arguments of its command line.
var roles = map[string]func(args []string) error{
	httpServerRole: func(args []string) error { return serveHTTP(args[0], args[1]) },
	serviceRole:    func(args []string) error { return serveService(args[0]) },
	grpcRole:       runClient,
}

func TestMain(m *testing.M) {
	name := os.Getenv(roleVariable)
	if name == "" {
		goleak.VerifyTestMain(m)
		return
	}
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown role %q\n", name)
		os.Exit(1)
	}
	if err := role(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

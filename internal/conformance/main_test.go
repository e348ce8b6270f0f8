package conformance

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roleVariable makes this test binary one of the programs that the suites start: it names which.
const roleVariable = "RIALTO_CONFORMANCE_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		goleak.VerifyTestMain(m)
	case httpServerRole:
		if err := serveHTTP(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		fmt.Fprintf(os.Stderr, "unknown role %q\n", role)
		os.Exit(1)
	}
}

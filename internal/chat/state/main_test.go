package state_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdDirEnv); dir != "" {
		os.Exit(holdDir(dir))
	}
	if log := os.Getenv(replayLogEnv); log != "" {
		os.Exit(replayLog(log))
	}
	goleak.VerifyTestMain(m)
}

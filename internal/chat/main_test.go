package chat_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No goroutine outlives its connection, its service or its store.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

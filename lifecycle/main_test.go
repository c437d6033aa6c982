package lifecycle_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run when a test leaves a goroutine behind: a controller that has stopped must have none.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

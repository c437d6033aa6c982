package memory_test

import (
	"testing"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/memory"
)

func TestTheMemoryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	backendtest.TestStore(t, func(*testing.T) backend.Store { return memory.New() })
}

func BenchmarkCommit(b *testing.B) {
	backendtest.BenchStore(b, func(*testing.B) backend.Store { return memory.New() })
}

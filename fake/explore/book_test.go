package explore

import (
	"testing"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
)

func TestTheBookKeepsTheContractOfStores(t *testing.T) {
	t.Parallel()
	backendtest.TestStore(t, func(*testing.T) backend.Store { return newBook() })
}

package endtoend_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/devserver"
)

func TestADevserverThatCannotServeSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := devserver.Start(t.Context(), devserver.Config{})
	require.ErrorContains(t, err, "File is missing")

	_, err = devserver.Start(t.Context(), devserver.Config{File: filepath.Join(t.TempDir(), "missing", "temporal.db")})
	require.ErrorContains(t, err, "temporal.db")

	over, stop := context.WithCancel(t.Context())
	stop()
	_, err = devserver.Start(over, devserver.Config{File: filepath.Join(t.TempDir(), "temporal.db")})
	require.ErrorIs(t, err, context.Canceled)

	first := serve(t, filepath.Join(t.TempDir(), "temporal.db"), 0)
	t.Cleanup(func() { assert.NoError(t, first.Stop()) })
	_, err = devserver.Start(t.Context(), devserver.Config{File: filepath.Join(t.TempDir(), "temporal.db"), Port: first.Port()})
	require.ErrorContains(t, err, "address already in use")
}

func TestASearchAttributeOfAnotherTypeIsReported(t *testing.T) {
	t.Parallel()
	c, server := newServer(t)
	ns := server.GetDefaultNamespace()
	_, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: ns, SearchAttributes: map[string]enums.IndexedValueType{"RackstateState": enums.INDEXED_VALUE_TYPE_INT},
	})
	require.NoError(t, err)
	require.EqualError(t, temporal.RegisterAttributes(t.Context(), c, ns), "search attribute RackstateState of "+ns+" is a Int, and must be a keyword")
}

package postgres

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryConnectionIsMadeAsTheStringSays(t *testing.T) {
	t.Parallel()
	config := Config{Schema: `a"b`, StatementTimeout: 7 * time.Second}.withDefaults()
	pool, err := config.pool("postgres://ann@db.example:6543/racks?sslmode=verify-full&connect_timeout=3&application_name=site&search_path=other")
	require.NoError(t, err)
	assert.EqualValues(t, 4, pool.MaxConns)
	for name, conn := range map[string]*pgx.ConnConfig{
		"reads": pool.ConnConfig, "commits": writing(pool.ConnConfig), "watches": listening(pool.ConnConfig),
	} {
		require.NotNil(t, conn.TLSConfig, name)
		assert.Equal(t, "db.example", conn.TLSConfig.ServerName, name)
		assert.False(t, conn.TLSConfig.InsecureSkipVerify, name)
		assert.Equal(t, 3*time.Second, conn.ConnectTimeout, name)
		settings := conn.RuntimeParams
		assert.Equal(t, []string{"site", "7000", "5000", `"a""b"`}, []string{
			settings["application_name"], settings["statement_timeout"], settings["idle_in_transaction_session_timeout"], settings["search_path"],
		}, name)
	}
	assert.Empty(t, pool.ConnConfig.RuntimeParams["enable_seqscan"], "only commits need to be told how to read")
	assert.Equal(t, "db.example:6543/racks schema a\"b", storeName(pool.ConnConfig, config.Schema))

	plain, err := config.pool("host=/tmp dbname=racks")
	require.NoError(t, err)
	assert.Equal(t, connectTimeout, plain.ConnConfig.ConnectTimeout)
	assert.Equal(t, "rackstate", plain.ConnConfig.RuntimeParams["application_name"])
}

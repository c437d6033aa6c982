package postgres

// The statements of a commit. They are prepared when the connection is made, so that nothing but their execution can fail later. Each takes
// one array for each column, and so writes any number of rows.
const (
	stBegin  = "rackstate_begin"
	stCommit = "rackstate_commit"

	stHoldOwners   = "rackstate_hold_owners"
	stReadLeases   = "rackstate_read_leases"
	stLockObjects  = "rackstate_lock_objects"
	stFindRequests = "rackstate_find_requests"
	stNewKeys      = "rackstate_new_keys"

	stInsertObjects  = "rackstate_insert_objects"
	stUpdateObjects  = "rackstate_update_objects"
	stMoveObjects    = "rackstate_move_objects"
	stPutRecords     = "rackstate_put_records"
	stDropRecords    = "rackstate_drop_records"
	stInsertRequests = "rackstate_insert_requests"
	stUpdateRequests = "rackstate_update_requests"
	stLockPositions  = "rackstate_lock_positions"
	stInsertHistory  = "rackstate_insert_history"
	stNotify         = "rackstate_notify"
)

// statement is one of them.
type statement struct {
	name, sql string
}

// statements returns all of them.
func statements() []statement {
	return []statement{
		// Whatever the default of the database is.
		{stBegin, "BEGIN ISOLATION LEVEL READ COMMITTED"},
		{stCommit, "COMMIT"},

		// The weakest lock: renewing does not wait for it, taking a lease from the owner does.
		{stHoldOwners, "SELECT o.name FROM owner AS o WHERE o.name IN (SELECT l.owner FROM unnest($1::text[], $2::bigint[]) AS n (rack, token) " +
			"JOIN lease AS l ON l.rack = n.rack AND l.token = n.token) ORDER BY o.name FOR KEY SHARE"},
		{stReadLeases, "SELECT l.rack, l.token FROM unnest($1::text[], $2::bigint[]) AS n (rack, token) " +
			"JOIN lease AS l ON l.rack = n.rack AND l.token = n.token JOIN owner AS o ON o.name = l.owner WHERE l.expires > clock_timestamp()"},
		// In the order of the keys, so that no two writers wait for each other.
		{stLockObjects, "SELECT o.key, o.kind, o.id, o.rack, o.version FROM unnest($1::text[], $2::text[]) AS n (kind, id) " +
			"JOIN object AS o ON o.kind = n.kind AND o.id = n.id ORDER BY o.key FOR UPDATE OF o"},
		{stFindRequests, "SELECT r.kind, r.object, r.id FROM unnest($1::text[], $2::text[], $3::text[]) AS n (kind, object, id) " +
			"JOIN request AS r ON r.id = n.id AND r.kind = n.kind AND r.object = n.object"},
		{stNewKeys, "SELECT nextval('object_key') FROM generate_series(1, $1)"},

		{stInsertObjects, "INSERT INTO object (key, rack, kind, id, state, since, version, transitions, outcome, reason, outcome_at, over_sla) " +
			"SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[], $8::bigint[], " +
			"$9::text[], $10::text[], $11::timestamptz[], $12::boolean[])"},
		{stUpdateObjects, "UPDATE object AS o SET state = n.state, since = n.since, version = n.version, transitions = n.transitions, " +
			"outcome = n.outcome, reason = n.reason, outcome_at = n.outcome_at, over_sla = n.over_sla " +
			"FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[], " +
			"$9::boolean[]) AS n (key, state, since, version, transitions, outcome, reason, outcome_at, over_sla) WHERE o.key = n.key"},
		{stMoveObjects, "UPDATE object AS o SET rack = n.rack FROM unnest($1::bigint[], $2::text[]) AS n (key, rack) WHERE o.key = n.key"},
		{stPutRecords, "INSERT INTO record (object, data) SELECT * FROM unnest($1::bigint[], $2::bytea[]) " +
			"ON CONFLICT (object) DO UPDATE SET data = EXCLUDED.data"},
		{stDropRecords, "DELETE FROM record WHERE object = ANY ($1::bigint[])"},
		{stInsertRequests, "INSERT INTO request (id, kind, object, rack, type, state, initiator, reference, cycle, at, started_at, ended_at, " +
			"cancelled_by, reason, params, results) SELECT * FROM unnest(" + requestArrays + ")"},
		{stUpdateRequests, "UPDATE request AS r SET rack = n.rack, type = n.type, state = n.state, initiator = n.initiator, reference = n.reference, " +
			"cycle = n.cycle, at = n.at, started_at = n.started_at, ended_at = n.ended_at, cancelled_by = n.cancelled_by, reason = n.reason, " +
			"params = n.params, results = n.results FROM unnest(" + requestArrays + ") AS n (id, kind, object, rack, type, state, initiator, " +
			"reference, cycle, at, started_at, ended_at, cancelled_by, reason, params, results) " +
			"WHERE r.id = n.id AND r.kind = n.kind AND r.object = n.object"},
		// Held to the end of the transaction, and so beyond the moment in which its rows become visible.
		{stLockPositions, "SELECT pg_advisory_xact_lock(" + lockClassText + ", 'history'::regclass::oid::integer)"},
		{stInsertHistory, "INSERT INTO history (object, rack, seq, from_state, to_state, at, \"trigger\", initiator, note) " +
			"SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[])"},
		{stNotify, "SELECT pg_notify($1, n) FROM unnest($2::text[]) AS n"},
	}
}

// requestArrays are the columns of a request, its name first.
const requestArrays = "$1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], " +
	"$10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[], $15::bytea[], $16::bytea[]"

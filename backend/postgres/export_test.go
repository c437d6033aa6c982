package postgres

import (
	"context"

	"github.com/rackstate/rackstate/backend"
)

// Setting returns a setting of the server as the connection for commits has it. Nothing must be committed meanwhile.
func Setting(ctx context.Context, s *Store, name string) (value string, err error) {
	err = s.writer.conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}

// Waiting returns how many calls of Commit wait for their turn.
func Waiting(s *Store) int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.waiting)
}

// Statements returns the statements of a commit by name.
func Statements() map[string]string {
	texts := map[string]string{}
	for _, st := range statements() {
		texts[st.name] = st.sql
	}
	return texts
}

// ListSQL, HistorySQL and RequestsSQL are the queries behind the reads, with their values.
func ListSQL(q backend.Query) (string, []any)            { return listQuery(q) }
func HistorySQL(q backend.HistoryQuery) (string, []any)  { return historyQuery(q) }
func RequestsSQL(q backend.RequestQuery) (string, []any) { return requestQuery(q) }

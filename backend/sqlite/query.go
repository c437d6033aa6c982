package sqlite

import (
	"context"
	"fmt"
	"strings"

	lite "zombiezen.com/go/sqlite"
)

// conditions collects the WHERE part of a query and its values.
type conditions struct {
	texts  []string
	values []any
}

// add adds one condition with the values of its question marks.
func (c *conditions) add(text string, values ...any) {
	c.texts = append(c.texts, text)
	c.values = append(c.values, values...)
}

// sql completes a query. There are few different texts, so each connection keeps its statements.
func (c *conditions) sql(selected, order string, limit int) (string, []any) {
	var b strings.Builder
	b.WriteString(selected)
	for i, text := range c.texts {
		b.WriteString([...]string{" WHERE ", " AND "}[min(i, 1)])
		b.WriteString(text)
	}
	b.WriteString(" ORDER BY " + order)
	if limit > 0 {
		b.WriteString(" LIMIT ?")
		c.values = append(c.values, int64(limit))
	}
	return b.String(), c.values
}

// query runs a query on one of the connections for reading and hands over each row. It ends with the context's error when the context
// ends first.
func (s *Store) query(ctx context.Context, text string, values []any, row func(*lite.Stmt) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	var conn *lite.Conn
	select {
	case conn = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.readers <- conn }()
	if conn == nil {
		var err error
		if conn, err = openReader(s.path); err != nil {
			return err
		}
	}
	conn.SetInterrupt(ctx.Done())
	defer conn.SetInterrupt(nil)
	err := rows(conn, text, values, row)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return advise(s.path, "read", err)
}

// rows runs a query on one connection.
func rows(conn *lite.Conn, text string, values []any, row func(*lite.Stmt) error) (err error) {
	st, err := conn.Prepare(text)
	if err != nil {
		return err
	}
	defer func() {
		// A statement that stays in the middle of its rows would keep an old state of the file alive.
		if end := st.Reset(); err == nil {
			err = end
		}
	}()
	for i, value := range values {
		switch v := value.(type) {
		case string:
			st.BindText(1+i, v)
		case int64:
			st.BindInt64(1+i, v)
		default:
			return fmt.Errorf("bind %T: no such column type", value)
		}
	}
	for {
		found, err := st.Step()
		if err != nil || !found {
			return err
		}
		if err := row(st); err != nil {
			return err
		}
	}
}

package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// conditions collects the WHERE part of a query and its values.
type conditions struct {
	texts  []string
	values []any
	// none says that the query names what no row can have.
	none bool
}

// add adds one condition. A question mark stands for each value.
func (c *conditions) add(text string, values ...any) {
	for _, value := range values {
		name, isText := value.(string)
		c.none = c.none || isText && badText(name)
		c.values = append(c.values, value)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(c.values)), 1)
	}
	c.texts = append(c.texts, text)
}

// complete returns the whole query and its values. There are few different texts, so each connection keeps its statements.
func (c *conditions) complete(selected, order string, limit int) (string, []any) {
	if c.none {
		return selected + " WHERE false", nil
	}
	var b strings.Builder
	b.WriteString(selected)
	for i, text := range c.texts {
		b.WriteString([...]string{" WHERE ", " AND "}[min(i, 1)])
		b.WriteString(text)
	}
	b.WriteString(" ORDER BY " + order)
	if limit > 0 {
		c.values = append(c.values, int64(limit))
		b.WriteString(" LIMIT $" + strconv.Itoa(len(c.values)))
	}
	return b.String(), c.values
}

// query runs a query on one of the connections for reading and returns its rows; the rows of one query belong to one moment. It tries again while
// the server cannot be reached, and ends with the context's error when the context ends first.
func query[T any](ctx context.Context, s *Store, text string, values []any, row pgx.RowToFunc[T]) ([]T, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.gate.RUnlock()
	var found []T
	err := s.persist(ctx, "read", func() error {
		limited, cancel := s.limit(ctx)
		defer cancel()
		rows, err := s.pool.Query(limited, text, values...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, row)
		return err
	})
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, s.advise("read", err)
}

package postgres

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rackstate/rackstate/backend"
)

// badText reports whether PostgreSQL cannot hold a text: it takes no zero byte, and nothing that is not UTF-8.
func badText(text string) bool { return strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) }

// free is how a text for people is stored: what PostgreSQL cannot hold becomes the replacement character. A device that answers with
// garbage must not make the record of that impossible.
func free(text string) string {
	if !badText(text) {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// checkCommit says what is wrong with a commit whatever is stored. It must find all that the server would refuse, because the server
// refuses the whole transaction. The error wraps [backend.ErrNotCommitted] or [backend.ErrFenced].
func checkCommit(c *backend.Commit) error {
	for _, f := range c.Fences {
		if badText(f.Rack) {
			return notCurrent(f) // nobody can have claimed it
		}
	}
	for i := range c.Writes {
		if err := checkWrite(&c.Writes[i]); err != nil {
			return refusal(c.Writes[i].Record.Ref, err)
		}
		for j := range i {
			if c.Writes[j].Record.Ref == c.Writes[i].Record.Ref {
				return refusal(c.Writes[i].Record.Ref, errors.New("it is written twice in one commit"))
			}
		}
	}
	for _, list := range [][]backend.Request{c.Post, c.Update} {
		for i := range list {
			if err := checkRequest(&list[i]); err != nil {
				return refusal(list[i].On, err)
			}
		}
	}
	return nil
}

// refusal is the error of a commit that can never be applied.
func refusal(ref backend.Ref, err error) error {
	return fmt.Errorf("postgres: %q: %w: %w", ref.String(), backend.ErrNotCommitted, err)
}

func checkWrite(w *backend.Write) error {
	r := &w.Record
	err := errors.Join(checkNames("name", string(r.Ref.Kind), r.Ref.ID), checkNames("rack", r.Rack), checkNames("state", r.State),
		checkTime(r.Since), checkTime(r.Outcome.At))
	if w.Transition != nil {
		err = errors.Join(err, checkNames("state", w.Transition.From, w.Transition.To), checkTime(w.Transition.At))
	}
	return err
}

func checkRequest(r *backend.Request) error {
	return errors.Join(checkNames("name", string(r.On.Kind), r.On.ID), checkNames("rack", r.Rack), checkNames("request", r.ID, r.Type, string(r.State)),
		checkTime(r.At), checkTime(r.StartedAt), checkTime(r.EndedAt))
}

// checkNames refuses texts that must come back as they are and cannot.
func checkNames(what string, names ...string) error {
	for _, name := range names {
		if badText(name) {
			return fmt.Errorf("%s %q holds a zero byte or is not UTF-8, which PostgreSQL cannot keep", what, name)
		}
	}
	return nil
}

// checkTime refuses times that PostgreSQL has no number for.
func checkTime(t time.Time) error {
	if year := t.Year(); year < -4000 || year > 290_000 {
		return fmt.Errorf("time in the year %d, which PostgreSQL cannot keep", year)
	}
	return nil
}

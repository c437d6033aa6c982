package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

const (
	// notePayload is how long a notification of PostgreSQL may be, in bytes, with some room.
	notePayload = 7900
	// noteCount bounds the notifications of one transaction. Beyond it listeners look at everything.
	noteCount = 64
)

// The payload of a notification is one line for each object, "version kind/id", and an empty one stands for everything. Processes of other
// versions of the module must understand it: it never changes.

// channel is the name of the notifications of the schema.
func (s *Store) channel() string { return s.config.Schema }

// notes makes the notifications of a transaction.
func (p *plan) notes() []string {
	var payloads []string
	var b strings.Builder
	for _, o := range p.written {
		line := strconv.FormatUint(o.version, 10) + " " + o.ref.String()
		if strings.Contains(line, "\n") || strings.Contains(string(o.ref.Kind), "/") || len(line) > notePayload {
			return []string{""}
		}
		if b.Len()+1+len(line) > notePayload {
			payloads = append(payloads, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	if len(payloads) >= noteCount {
		return []string{""}
	}
	return append(payloads, b.String())
}

// news is what a watch has heard and not yet told: objects with their versions, or that anything may have changed.
type news struct {
	everything bool
	versions   map[backend.Ref]uint64
}

// maxNews bounds the objects that wait to be told. Beyond it everything may have changed.
const maxNews = 20_000

// hear adds a payload. What it does not understand stands for everything.
func (n *news) hear(payload string) {
	if n.versions == nil {
		n.versions = map[backend.Ref]uint64{}
	}
	for line := range strings.SplitSeq(payload, "\n") {
		number, name, _ := strings.Cut(line, " ")
		version, err := strconv.ParseUint(number, 10, 64)
		kind, id, found := strings.Cut(name, "/")
		if err != nil || !found || len(n.versions) >= maxNews {
			n.everything = true
			return
		}
		ref := backend.Ref{Kind: backend.Kind(kind), ID: id}
		n.versions[ref] = max(n.versions[ref], version)
	}
}

// changes returns what is to be told: nothing at all stands for everything.
func (n *news) changes() []backend.Change {
	if n.everything {
		return nil
	}
	changes := make([]backend.Change, 0, len(n.versions))
	for ref, version := range n.versions {
		changes = append(changes, backend.Change{Ref: ref, Version: version})
	}
	slices.SortFunc(changes, func(a, b backend.Change) int { return a.Ref.Compare(b.Ref) })
	return changes
}

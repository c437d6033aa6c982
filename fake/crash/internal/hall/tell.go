package hall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

const (
	// cursorName is the cursor of the notifier.
	cursorName = "told"
	// gathered is how many rows wait before they are told, so that not every second commit is that of a cursor.
	gathered = 12
)

// paper writes down what it is told. A line that was begun by a process that died is not complete and does not count; its rows are told again.
type paper struct{ file *os.File }

// Notify writes rows down.
func (p paper) Notify(_ context.Context, rows []backend.Transition) error {
	text := []byte{'\n'} // ends what a process before this one has begun
	for _, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	_, err := p.file.Write(text)
	return err
}

// relayTo makes the relay that tells the paper in a folder. end closes it.
func relayTo(folder string, store backend.CursorStore) (relay *lifecycle.Relay, end func() error, err error) {
	file, err := appendTo(filepath.Join(folder, ToldFile))
	if err != nil {
		return nil, nil, err
	}
	relay, err = lifecycle.NewRelay(store, paper{file}, lifecycle.RelayConfig{Name: cursorName, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return relay, file.Close, nil
}

// deliver tells what there is to tell, all of it in the end.
func deliver(ctx context.Context, relay *lifecycle.Relay, store backend.CursorStore, all bool) error {
	last, err := store.LastPosition(ctx)
	if err != nil || !all && last < relay.Status().Cursor+gathered {
		return err
	}
	for {
		if n, err := relay.Deliver(ctx); n == 0 || err != nil {
			return err
		}
	}
}

// told checks that the notifier of a folder was told of every row at least once, and of each object in order.
func told(folder string, history []backend.Transition) error {
	text, err := os.ReadFile(filepath.Join(folder, ToldFile))
	if err != nil {
		return err
	}
	heard := map[backend.Ref]uint64{}
	for _, line := range bytes.Split(text, []byte{'\n'}) {
		var row backend.Transition
		if json.Unmarshal(line, &row) != nil {
			continue // broken off, or empty
		}
		if row.Seq > heard[row.Ref]+1 {
			return fmt.Errorf("row %d of %s was told after row %d", row.Seq, row.Ref, heard[row.Ref])
		}
		heard[row.Ref] = max(heard[row.Ref], row.Seq)
	}
	last := map[backend.Ref]uint64{}
	for _, row := range history {
		last[row.Ref] = row.Seq
	}
	for ref, seq := range last {
		if heard[ref] != seq {
			return fmt.Errorf("%s has %d rows, and only %d were told", ref, seq, heard[ref])
		}
	}
	return nil
}

//go:build unix

package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/crash/internal/hall"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

const (
	// childVar makes the test binary a process that runs the site in the folder that it names.
	childVar = "RACKSTATE_CRASH_FOLDER"
	// hastyVar makes that process promise a commit before the store does.
	hastyVar = "RACKSTATE_CRASH_HASTY"
	// pipe is the file descriptor on which the process tells what it does.
	pipe = 3
)

// message is what a process tells its parent: a step that it has reached, or a call to the store.
type message struct {
	Step  string         `json:",omitempty"`
	Event *witness.Event `json:",omitempty"`
	// Journal is how long the journal of the hardware is.
	Journal int64
}

// started is the first step of a process.
const started = "started"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childVar); folder != "" {
		if err := child(context.Background(), folder, os.Getenv(hastyVar) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child is the process that is killed.
func child(ctx context.Context, folder string, hasty bool) error {
	out := json.NewEncoder(os.NewFile(pipe, "pipe"))
	tell := func(m message) error {
		if info, err := os.Stat(filepath.Join(folder, hall.JournalFile)); err == nil {
			m.Journal = info.Size()
		}
		return out.Encode(m)
	}
	step := func(name string) error { return tell(message{Step: name}) }
	if err := step(started); err != nil {
		return err
	}
	event := func(e witness.Event) error { return tell(message{Event: &e}) }
	if hasty {
		event = early(event)
	}
	watch := func(store backend.CursorStore) backend.CursorStore { return witness.Watch(store, event) }
	return hall.Run(ctx, folder, hall.Options{Reached: step, Watch: watch})
}

// early tells of the end of a call when it begins.
func early(tell func(witness.Event) error) func(witness.Event) error {
	return func(e witness.Event) error {
		if !e.Begins() {
			return nil
		}
		if err := tell(e); err != nil {
			return err
		}
		applied := make([]bool, max(1, len(e.Batch)))
		for i := range applied {
			applied[i] = true
		}
		return tell(witness.Event{Ended: true, Applied: applied})
	}
}

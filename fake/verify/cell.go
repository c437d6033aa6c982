package verify

import (
	"bytes"
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// cell is the data of an object, decoded when somebody first asks. It is never changed and may be shared by any number of worlds.
type cell struct {
	ref  backend.Ref
	rack string
	data []byte
	read atomic.Pointer[decoded]
	// mayBeMarked, mayBeHeld and mayBeOlder (the clock of the state began before the state was entered) are false when the data have no such field, which is most often so, and
	// cheaper to see than to decode.
	mayBeMarked, mayBeHeld, mayBeOlder bool
}

// decoded is what the data say.
type decoded struct {
	entity lifecycle.Entity
	err    error
}

// look decodes the data, once.
func (c *cell) look() *decoded {
	if d := c.read.Load(); d != nil {
		return d
	}
	d := decode(c.ref, c.rack, c.data)
	c.read.Store(d)
	return d
}

func decode(ref backend.Ref, rackID string, data []byte) *decoded {
	var e lifecycle.Entity
	switch o := lifecycle.NewObject(ref, rackID); ref.Kind {
	case backend.KindRack:
		e = &rack.Rack{Object: o}
	case backend.KindMachine:
		e = &machine.Machine{Object: o}
	case backend.KindSwitch:
		e = &nvswitch.Switch{Object: o}
	case backend.KindPowerShelf:
		e = &powershelf.PowerShelf{Object: o}
	default: // of another kind the part that every object has
		e = &o
	}
	if len(data) > 0 {
		if err := json.Unmarshal(data, e); err != nil {
			return &decoded{entity: e, err: err}
		}
	}
	return &decoded{entity: e}
}

// cells finds the cell of data that were seen before: a search through many orders of the same events comes to the same data again and again, and decoding is most of
// its work. It is safe for concurrent use.
type cells struct {
	mu    sync.Mutex
	known map[cellKey]*cell
}

type cellKey struct {
	ref  backend.Ref
	rack string
	data string
}

// mostCells bounds the memory: when it is full, the cache begins anew.
const mostCells = 1 << 13

func newCells() *cells { return &cells{known: make(map[cellKey]*cell)} }

// of returns the cell of the data, which are copied when they are new.
func (c *cells) of(ref backend.Ref, rackID string, data []byte) *cell {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.known[cellKey{ref, rackID, string(data)}]; found != nil {
		return found
	}
	if len(c.known) >= mostCells {
		clear(c.known)
	}
	made := &cell{ref: ref, rack: rackID, data: bytes.Clone(data)}
	has := func(field string) bool { return bytes.Contains(data, []byte(field)) }
	made.mayBeMarked, made.mayBeHeld, made.mayBeOlder = has(`"deletion"`), has(`"holds"`), has(`"clock_start"`)
	c.known[cellKey{ref, rackID, string(made.data)}] = made
	return made
}

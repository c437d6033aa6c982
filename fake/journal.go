package fake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Decisions that a caller of Open can take, one sentinel each.
var (
	// ErrOtherJournal: the journal was begun by a site with another seed, other delays or other faults. Open it with the configuration that it was begun
	// with, or begin another one.
	ErrOtherJournal = errors.New("journal belongs to a site with another configuration")
	// ErrBadJournal: the journal cannot be read. Restore a copy, or begin another one.
	ErrBadJournal = errors.New("journal is damaged")
)

// journal is an append-only file of all that ever changed the site, one JSON value a line. The site is what comes out when
// everything is done again.
type journal struct {
	mu   sync.Mutex
	file *os.File
	// broken is why nothing can be written any more.
	broken error
}

// header is the first line of a journal.
type header struct {
	Began  time.Time       `json:"began"`
	Config json.RawMessage `json:"config"`
}

// entry is every other line. One field beside At is set.
type entry struct {
	At     time.Time    `json:"at"`
	Order  *order       `json:"order,omitempty"`
	Plug   *plug        `json:"plug,omitempty"`
	Unplug *backend.Ref `json:"unplug,omitempty"`
	Inject []Fault      `json:"inject,omitempty"`
	Clear  bool         `json:"clear,omitempty"`
	Labels bool         `json:"labels,omitempty"`
	// Approve is a machine whose pending proofs are good.
	Approve *backend.Ref `json:"approve,omitempty"`
	// Broke says that who was sending images is gone.
	Broke bool `json:"broke,omitempty"`
}

// Open makes a site that outlives the process: every change is written to the file before its caller gets an answer, and a file that is
// there is done again first. The file is not synced, so it survives the death of the process, not of the machine. A last line that was not
// written to its end is cut off: nobody got an answer for it. Only one process may have the file open.
//
// Counts of faults on calls that only look begin anew, and so does the log of calls. The error is that of the file, or wraps ErrOtherJournal or ErrBadJournal.
func Open(path string, clock Clock, config Config) (*Hardware, error) {
	h := prepare(clock, config)
	lines, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	fingerprint, err := h.config.fingerprint()
	if err != nil {
		return nil, err
	}
	head := header{Began: h.now(), Config: fingerprint}
	if len(lines) > 0 {
		if head, err = readHeader(lines[0], fingerprint, path); err != nil {
			return nil, err
		}
	}
	h.arm(h.config.Faults, head.Began)
	last := head.Began
	for i := 1; i < len(lines); i++ {
		var e entry
		if err := json.Unmarshal(lines[i], &e); err != nil {
			return nil, fmt.Errorf("%w: %s, line %d: %w", ErrBadJournal, path, i+1, err)
		}
		h.again(&e)
		last = later(last, e.At)
	}
	h.service.replayed()
	h.counts.calls = nil
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	h.journal = &journal{file: file}
	if len(lines) == 0 {
		if err := h.journal.write(head); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	if err := h.breakUploads(last); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return h, nil
}

// breakUploads breaks off the uploads that the process before this one was sending, at the time of its last sign of life.
func (h *Hardware) breakUploads(at time.Time) error {
	for _, d := range h.all() {
		for _, j := range d.open {
			if j.Image != nil && j.Image.sending(at) {
				return h.enter(&entry{At: at, Broke: true}, h.broke)
			}
		}
	}
	return nil
}

// broke breaks off all uploads.
func (h *Hardware) broke(at time.Time) {
	for _, d := range h.all() {
		d.mu.Lock()
		d.settle(at)
		d.breakUploads(at)
		d.mu.Unlock()
	}
}

// Close closes the journal, if there is one. Changing calls after it fail.
func (h *Hardware) Close() error {
	if h.journal == nil {
		return nil
	}
	h.journal.mu.Lock()
	defer h.journal.mu.Unlock()
	if errors.Is(h.journal.broken, os.ErrClosed) {
		return nil
	}
	h.journal.broken = os.ErrClosed
	return h.journal.file.Close()
}

// readJournal returns the complete lines of a file, none when it does not exist, and cuts the file behind them.
func readJournal(path string) ([][]byte, error) {
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	end := bytes.LastIndexByte(raw, '\n') + 1
	if end < len(raw) {
		if err := os.Truncate(path, int64(end)); err != nil {
			return nil, err
		}
	}
	if end == 0 {
		return nil, nil
	}
	return bytes.Split(raw[:end-1], []byte{'\n'}), nil
}

// readHeader reads the first line of a journal and compares the configuration with that of the site.
func readHeader(line, fingerprint []byte, path string) (head header, err error) {
	if err := json.Unmarshal(line, &head); err != nil {
		return head, fmt.Errorf("%w: %s, line 1: %w", ErrBadJournal, path, err)
	}
	if !bytes.Equal(head.Config, fingerprint) {
		return head, fmt.Errorf("%w: %s was begun with %s, the site has %s", ErrOtherJournal, path, head.Config, fingerprint)
	}
	return head, nil
}

// fingerprint is what decides about the behaviour of a site.
func (c Config) fingerprint() ([]byte, error) {
	c.Credentials, c.Record = nil, false
	return json.Marshal(c)
}

// write appends a line. A line that was written in part would damage the file, so nothing is written after a failure.
func (j *journal) write(line any) error {
	if j.broken != nil {
		return fmt.Errorf("journal: %w", j.broken)
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := j.file.Write(append(raw, '\n')); err != nil {
		j.broken = err
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// order writes an order for those targets that were not refused before.
func (j *journal) order(o order, replies []reply) error {
	admitted := make([]backend.Device, 0, len(o.Targets))
	for i := range replies {
		if replies[i].err == nil {
			admitted = append(admitted, o.Targets[i])
		}
	}
	o.Targets = admitted
	if err := j.write(&entry{At: o.At, Order: &o}); err != nil {
		return backend.NotDone(err)
	}
	return nil
}

// enter writes a change into the journal, if there is one, and then makes it.
func (h *Hardware) enter(e *entry, apply func(at time.Time)) error {
	if h.journal != nil {
		h.journal.mu.Lock()
		defer h.journal.mu.Unlock()
		if err := h.journal.write(e); err != nil {
			return backend.NotDone(err)
		}
	}
	apply(e.At)
	return nil
}

// again repeats a change.
func (h *Hardware) again(e *entry) {
	switch {
	case e.Order != nil:
		for i := range e.Order.Targets {
			if d := h.known(e.Order.Targets[i].Ref); d != nil {
				h.begin(e.Order, &reply{device: d})
			}
		}
	case e.Plug != nil:
		h.plugged(e.Plug, e.At)
	case e.Unplug != nil:
		h.unplug(*e.Unplug)
	case e.Inject != nil:
		h.arm(e.Inject, e.At)
	case e.Clear:
		h.disarm()
	case e.Labels:
		h.service.advance(e.At)
	case e.Approve != nil:
		h.approved(*e.Approve, e.At)
	case e.Broke:
		h.broke(e.At)
	}
}

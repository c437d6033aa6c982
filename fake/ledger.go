package fake

import (
	"errors"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// answer is what a changing call with its key was answered on one device. It is the device's proof that the work was begun, and
// the place where the job is kept.
type answer struct {
	Call op        `json:"call"`
	Key  string    `json:"key"`
	At   time.Time `json:"at"`
	// ID is the id of the job, empty when there is none.
	ID string `json:"id,omitempty"`
	// Refused is set when the call failed for good; nothing was begun then.
	Refused *refusal `json:"refused,omitempty"`
	Job     *job     `json:"job,omitempty"`
}

// refusal is a permanent failure in a form that can be kept.
type refusal struct {
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

func (r *refusal) error() error { return backend.Permanent(errors.New(r.Text), r.Remedy) }

func keyHash(call op, key string) uint64 { return mix(uint64(call)+1, key) }

// answered finds what the call with this key was answered before. A call without a key is always new.
func (d *device) answered(call op, key string) *answer {
	if key == "" {
		return nil
	}
	hash := keyHash(call, key)
	for i := len(d.hashes) - 1; i >= 0; i-- {
		if d.hashes[i] != hash {
			continue
		}
		if a := &d.Answers[i]; a.Call == call && a.Key == key {
			return a
		}
	}
	return nil
}

// remember keeps an answer; the oldest makes place for it when there are as many as the device remembers.
func (d *device) remember(a answer) {
	hash := keyHash(a.Call, a.Key)
	if n := d.site.config.Remember; n > 0 && len(d.Answers) >= n {
		i := d.Begun % n
		d.Answers[i], d.hashes[i] = a, hash
	} else {
		d.Answers, d.hashes = append(d.Answers, a), append(d.hashes, hash)
	}
	d.Begun++
}

// restoreIndex makes again what is derived from the state.
func (d *device) restoreIndex() {
	d.hashes, d.open = make([]uint64, len(d.Answers)), nil
	for i := range d.Answers {
		a := &d.Answers[i]
		d.hashes[i] = keyHash(a.Call, a.Key)
		if a.Job != nil && !a.Job.Settled {
			d.open = append(d.open, a.Job)
		}
	}
}

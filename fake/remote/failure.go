package remote

import (
	"context"
	"errors"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
)

// failure is an error on its way.
type failure struct {
	Text   string `json:"text,omitempty"`
	Remedy string `json:"remedy,omitempty"`
	// Is are the names of the sentinels that the error wraps, the class first.
	Is []string `json:"is,omitempty"`
	// Devices are the failures of devices, in a call for many; Whole is what failed for all others then.
	Devices map[backend.Ref]*failure `json:"devices,omitempty"`
	Whole   *failure                 `json:"whole,omitempty"`
}

// sentinels are what callers look for in an error.
var sentinels = [...]struct {
	name string
	err  error
}{
	{"not done", backend.ErrNotDone},
	{"maybe done", backend.ErrMaybeDone},
	{"permanent", backend.ErrPermanent},
	{"not supported", backend.ErrNotSupported},
	{"no device", backend.ErrNoDevice},
	{"no job", backend.ErrNoJob},
	{"cancelled", context.Canceled},
	{"deadline", context.DeadlineExceeded},
}

// pack takes an error apart.
func pack(err error) *failure {
	if err == nil {
		return nil
	}
	if failed, whole := backend.SplitDeviceErrors(err); len(failed) > 0 {
		f := &failure{Devices: make(map[backend.Ref]*failure, len(failed)), Whole: pack(whole)}
		for ref, err := range failed {
			f.Devices[ref] = pack(err)
		}
		return f
	}
	f := &failure{Text: err.Error()}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			f.Is = append(f.Is, s.name)
		}
	}
	var action *backend.ActionError
	if errors.As(err, &action) {
		f.Remedy = action.Remedy
	}
	return f
}

// unpack puts it together again.
func (f *failure) unpack() error {
	if f == nil {
		return nil
	}
	if len(f.Devices) == 0 {
		e := &farError{text: f.Text, remedy: f.Remedy}
		for _, s := range sentinels {
			for _, name := range f.Is {
				if name == s.name {
					e.is = append(e.is, s.err)
				}
			}
		}
		return e
	}
	failed := make(map[backend.Ref]error, len(f.Devices))
	for ref, one := range f.Devices {
		failed[ref] = one.unpack()
	}
	all := backend.DeviceErrors(failed)
	if f.Whole != nil {
		all = multierror.Append(all, f.Whole.unpack())
	}
	return all
}

// farError is an error of the other side. It has the same text and wraps the same sentinels.
type farError struct {
	text, remedy string
	is           []error
}

// Error returns the text.
func (e *farError) Error() string { return e.text }

// Unwrap returns the sentinels.
func (e *farError) Unwrap() []error { return e.is }

// As makes a *backend.ActionError of it, for who looks for the remedy.
func (e *farError) As(target any) bool {
	action, wanted := target.(**backend.ActionError)
	if !wanted || len(e.is) == 0 {
		return false
	}
	*action = &backend.ActionError{Class: e.is[0], Remedy: e.remedy, Err: e}
	return true
}

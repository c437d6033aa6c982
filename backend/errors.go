package backend

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Classes of a failed hardware action. A driver says which one it is with NotDone, MaybeDone or Permanent; an error that says nothing
// counts as ErrMaybeDone.
var (
	// ErrNotDone: the action was surely not done. Retry freely.
	ErrNotDone = errors.New("not done")
	// ErrMaybeDone: the action may have been done. Look before asking again, or ask again with the same key.
	ErrMaybeDone = errors.New("may have been done")
	// ErrPermanent: asking again cannot help. A person must act; the remedy says how.
	ErrPermanent = errors.New("permanent failure")
	// ErrNotSupported: the hardware has no such function. It is a result, not a fault.
	ErrNotSupported = errors.New("not supported")
	// ErrNoDevice: the driver does not know the device.
	ErrNoDevice = errors.New("no such device")
	// ErrNoJob: the driver does not know the job, or has forgotten it.
	ErrNoJob = errors.New("no such job")
)

// ActionError is a failed hardware action with its class and, where there is one, a remedy.
type ActionError struct {
	// Class is ErrNotDone, ErrMaybeDone or ErrPermanent.
	Class error
	// Remedy says what a person can do about it. It may be empty.
	Remedy string
	// Err is the cause.
	Err error
}

// Error returns the cause, and the remedy in brackets.
func (e *ActionError) Error() string {
	if e.Remedy == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + " (remedy: " + e.Remedy + ")"
}

// Unwrap returns the class and the cause.
func (e *ActionError) Unwrap() []error { return []error{e.Class, e.Err} }

// NotDone marks err as an action that was surely not done.
func NotDone(err error) error { return &ActionError{Class: ErrNotDone, Err: err} }

// MaybeDone marks err as an action that may have been done.
func MaybeDone(err error) error { return &ActionError{Class: ErrMaybeDone, Err: err} }

// Permanent marks err as a failure that needs a person; remedy says what to do and may be empty.
func Permanent(err error, remedy string) error {
	return &ActionError{Class: ErrPermanent, Remedy: remedy, Err: err}
}

// Classify returns the class of a driver's error: nil, ErrNotSupported, ErrPermanent, ErrNotDone, or ErrMaybeDone when it says nothing else.
// An unknown device or job is permanent.
func Classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotSupported):
		return ErrNotSupported
	case errors.Is(err, ErrPermanent), errors.Is(err, ErrNoDevice), errors.Is(err, ErrNoJob):
		return ErrPermanent
	case errors.Is(err, ErrNotDone):
		return ErrNotDone
	default:
		return ErrMaybeDone
	}
}

// DeviceError is the failure of one device in a call for many.
type DeviceError struct {
	// Device is the one that failed.
	Device Ref
	// Err is why.
	Err error
}

// Error names the device and the cause.
func (e *DeviceError) Error() string { return e.Device.String() + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DeviceError) Unwrap() error { return e.Err }

// DeviceErrors collects the failures of a batch call. It returns nil when there are none, and otherwise a *multierror.Error of
// *DeviceError in the order of the devices' names.
func DeviceErrors(failed map[Ref]error) error {
	refs := make([]Ref, 0, len(failed))
	for ref, err := range failed {
		if err != nil {
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	sort.Slice(refs, func(i, j int) bool { return refs[i].Compare(refs[j]) < 0 })
	all := &multierror.Error{ErrorFormat: oneLine}
	for _, ref := range refs {
		all = multierror.Append(all, &DeviceError{Device: ref, Err: failed[ref]})
	}
	return all
}

// SplitDeviceErrors takes the error of a batch call apart: the failure of each device, and what failed for the call as a whole. When
// rest is not nil it holds for every device that has no failure of its own.
func SplitDeviceErrors(err error) (failed map[Ref]error, rest error) {
	if err == nil {
		return nil, nil
	}
	var many *multierror.Error
	if !errors.As(err, &many) {
		many = &multierror.Error{Errors: []error{err}}
	}
	for _, one := range many.Errors {
		var dev *DeviceError
		if !errors.As(one, &dev) {
			rest = multierror.Append(rest, one)
			continue
		}
		if failed == nil {
			failed = make(map[Ref]error, len(many.Errors))
		}
		failed[dev.Device] = dev.Err
	}
	var whole *multierror.Error
	if errors.As(rest, &whole) {
		whole.ErrorFormat = oneLine
		if len(whole.Errors) == 1 {
			rest = whole.Errors[0]
		}
	}
	return failed, rest
}

// oneLine prints a list of errors on one line, as it goes into outcomes and causes.
func oneLine(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return fmt.Sprintf("%d errors: %s", len(texts), strings.Join(texts, "; "))
}

package verify

import (
	"fmt"

	"github.com/hashicorp/go-multierror"
)

// findings collects what is wrong.
type findings struct{ list *multierror.Error }

// add takes in an error, if it is one.
func (f *findings) add(err error) {
	if err != nil {
		f.list = multierror.Append(f.list, err)
	}
}

// addf takes in a text.
func (f *findings) addf(format string, args ...any) { f.add(fmt.Errorf(format, args...)) }

// err returns what was found: nothing, the one error, or all of them.
func (f *findings) err() error {
	if f.list != nil && len(f.list.Errors) == 1 {
		return f.list.Errors[0]
	}
	return f.list.ErrorOrNil()
}

package scenario

import (
	"fmt"
	"strconv"
	"strings"
)

// crashPoint is the moment in which a controller crashes: when a call has been made for the n-th time from now on. The zero value is never.
type crashPoint struct {
	name string
	nth  int
}

const afterCall = "after-call "

// parseCrash reads "after-call CALL" and "after-call CALL N".
func parseCrash(what string) (crashPoint, error) {
	call, ok := strings.CutPrefix(what, afterCall)
	name, count, counted := strings.Cut(call, " ")
	p := crashPoint{name: name, nth: 1}
	if counted {
		n, err := strconv.Atoi(count)
		ok = ok && err == nil && n > 0
		p.nth = n
	}
	if !ok {
		return crashPoint{}, fmt.Errorf("%q is not known; use the word crash alone, crash: after-call CALL, or crash: after-call CALL N for its N-th time", what)
	}
	return p, nil
}

// String is the form of a scenario file.
func (p crashPoint) String() string {
	if p.nth > 1 {
		return fmt.Sprintf("%s%s %d", afterCall, p.name, p.nth)
	}
	return afterCall + p.name
}

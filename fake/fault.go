package fake

import (
	"strconv"
	"strings"
	"time"
)

// Fault is one thing that goes wrong. It is a value: it can be compared, and ParseFault and String turn it from text and into text. The
// zero value is no fault. Faults are made by ParseFault alone, so there is none that makes no sense.
type Fault struct {
	verb verb
	// call is the call that it is about; opNone for away, silent and forget.
	call op
	// on is a pattern for the text form of a device, or of one of its data processing units; empty is every one.
	on string
	// what is what the call asks for, for example PowerOff; empty is anything.
	what string
	// nth and count say which of the matching calls on a device are struck: from the nth on, count of them.
	nth, count int
	// p is the probability that a matching call is struck; zero is always.
	p float64
	// from and span are the window of time, counted from when the fault was given to the hardware. A span of zero has no end.
	from, span time.Duration
	// class, remedy and text are the error; as is what a lie says; ending is how a job ends.
	class  class
	remedy string
	text   string
	as     string
	ending ending
}

// verb is the sort of a fault.
type verb string

const (
	verbFail    verb = "fail"
	verbTimeout verb = "timeout"
	verbHang    verb = "hang"
	verbLose    verb = "lose"
	verbOmit    verb = "omit"
	verbPanic   verb = "panic"
	verbLie     verb = "lie"
	verbJob     verb = "job"
	verbAway    verb = "away"
	verbSilent  verb = "silent"
	verbIgnore  verb = "ignore"
	verbBreak   verb = "break"
	verbForget  verb = "forget"
)

// class is the class of an error that a fault makes.
type class string

const (
	classNotDone     class = "notdone"
	classMaybe       class = "maybe"
	classPermanent   class = "permanent"
	classUnsupported class = "unsupported"
	// classUnauthorized: the management controller refuses the credential, and takes it the next time.
	classUnauthorized class = "unauthorized"
)

// ending is how a job ends that a fault spoils.
type ending string

const (
	endFails   ending = "fails"
	endNever   ending = "never ends"
	endPending ending = "stays pending"
	endNothing ending = "does nothing"
	// Two that only a proof has.
	endStale     ending = "is stale"
	endCancelled ending = "is cancelled"
)

// String returns the text form, which ParseFault reads back to an equal value.
func (f Fault) String() string {
	if f.verb == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(string(f.verb))
	word := func(text string) { b.WriteByte(' '); b.WriteString(text) }
	if f.call != opNone {
		word(f.call.String())
	}
	if f.on != "" {
		word("on " + f.on)
	}
	if f.what != "" {
		word("what=" + f.what)
	}
	if f.nth > 0 {
		word("nth=" + strconv.Itoa(f.nth))
	}
	if f.count > 0 {
		word("count=" + strconv.Itoa(f.count))
	}
	if f.p > 0 {
		word("p=" + strconv.FormatFloat(f.p, 'g', -1, 64))
	}
	if f.class != "" {
		word("class=" + string(f.class))
	}
	if f.as != "" {
		word("as " + f.as)
	}
	if f.ending != "" {
		word(string(f.ending))
	}
	if f.text != "" {
		word(strconv.Quote(f.text))
	}
	if f.remedy != "" {
		word("remedy " + strconv.Quote(f.remedy))
	}
	if f.from > 0 {
		word("from " + shortDuration(f.from))
	}
	if f.span > 0 {
		word("for " + shortDuration(f.span))
	}
	return b.String()
}

// MarshalText writes the text form.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the text form; an empty text is the zero value. The error is a *FaultError.
func (f *Fault) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*f = Fault{}
		return nil
	}
	parsed, err := ParseFault(string(text))
	if err != nil {
		return err
	}
	*f = parsed
	return nil
}

// shortDuration prints 2m as "2m" where Duration.String says "2m0s".
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// matches reports whether the pattern, in which a star stands for any text, matches the whole name.
func matches(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, last)
}

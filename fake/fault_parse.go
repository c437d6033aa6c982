package fake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// FaultError says where the text of a fault cannot be read, and what may stand there.
type FaultError struct {
	// Text is the whole text; Column counts its bytes from 1, over all its lines.
	Text   string
	Column int
	// Problem says what is wrong; Allowed lists what may stand there, if that is a list.
	Problem string
	Allowed []string
}

// Error says where, what, and what is allowed instead.
func (e *FaultError) Error() string {
	text := fmt.Sprintf("fault %q, column %d: %s", e.Text, e.Column, e.Problem)
	if len(e.Allowed) > 0 {
		text += "; allowed: " + strings.Join(e.Allowed, ", ")
	}
	return text
}

// ParseFault reads one fault:
//
//	fail CALL         the call fails and nothing is done; class= says how: notdone (the default), maybe, permanent, unsupported, or unauthorized: a management
//	                  controller that refuses the right credential for once
//	timeout CALL      the call ends with a time-out that may have been done; a coin tossed from the seed says whether it was
//	hang CALL         the same, and it does not return before its context is done
//	lose CALL         the work is done, and the answer is lost
//	omit CALL         nothing is done, and the device is neither in the answer nor in the error
//	panic CALL        the driver panics, and nothing is done
//	lie PowerState    the answer is the opposite of the truth, or what "as on" or "as off" says
//	job CALL          a job ends badly: fails "text", never ends, stays pending, or does nothing, although it says that it has completed. CALL is the call that
//	                  begins the job or the one that polls it; ConfigureFabricManager spoils what a switch reports, StartValidation the partition of
//	                  a machine, ConfigureDPUNetwork what a unit applies. A proof (Attest) that stays pending waits for Hardware.ApproveBundle, one that
//	                  does nothing has measured nothing; it may also be one that is stale or is cancelled. What a clean-up (StartCleanup) is spoiled in
//	                  with what=nvme is that step alone: it fails, or is missing in the results when it does nothing
//	ignore CALL       the call is answered as if all were well, and nothing happens: SetPower, ResetHost, ResetBMC, RestartDPUs, ConfigureDPUNetwork
//	break UploadFirmware  the image breaks off half-way, until the call is made again
//	away              the management controller does not answer
//	silent            the agent of a host does not report, or that of a data processing unit
//	forget            the management controller forgets its tasks when it is reset
//
// followed, in any order, by
//
//	on machine/m1     the device; a star stands for any text. Without it, every device. A data processing unit is machine/m1/dpu0: it can be silent, and spoil
//	                  the jobs that speak of all units of its host (SubmitPlatform, ConfigureDPUNetwork)
//	what=PowerOff     what the call asks for: the power action, the bundle, the image, the domain, the kind of platform configuration, the component, the
//	                  attestor, the network
//	nth=2             strike from the second matching call on, only once unless count= says otherwise
//	count=3           strike three times at most
//	p=0.25            strike with this probability, by the seed
//	from 10m for 2m   strike in this window of time only, counted from when the fault was given to the hardware
//	"bad image"       the text of the error
//	remedy "swap it"  what a person can do about it (class=permanent)
//
// Calls are counted for each device on its own. The error is a *FaultError.
func ParseFault(text string) (Fault, error) {
	faults, err := ParseFaults(text)
	if err != nil {
		return Fault{}, err
	}
	if len(faults) != 1 {
		return Fault{}, &FaultError{Text: text, Column: 1, Problem: fmt.Sprintf("want one fault, found %d", len(faults))}
	}
	return faults[0], nil
}

// ParseFaults reads any number of faults, separated by semicolons or line ends. A # begins a comment that ends with its line. The error is a
// *FaultError.
func ParseFaults(text string) ([]Fault, error) {
	tokens, err := faultTokens(text)
	if err != nil {
		return nil, err
	}
	var faults []Fault
	p := faultParser{text: text, tokens: tokens}
	for len(p.tokens) > 0 {
		if p.tokens[0].end {
			p.tokens = p.tokens[1:]
			continue
		}
		f, err := p.fault()
		if err != nil {
			return nil, err
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// faultToken is a word, a quoted text, or the end of a fault.
type faultToken struct {
	text   string
	column int
	quoted bool
	end    bool
}

// faultTokens cuts a text into tokens.
func faultTokens(text string) ([]faultToken, error) {
	if !utf8.ValidString(text) { // a journal, which is JSON, would hold another fault
		good := strings.ToValidUTF8(text, "\xff")
		return nil, &FaultError{Text: text, Column: strings.IndexByte(good, 0xff) + 1, Problem: "it is not UTF-8 text"}
	}
	var tokens []faultToken
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\t', '\r':
			i++
		case ';', '\n':
			tokens = append(tokens, faultToken{column: i + 1, end: true})
			i++
		case '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case '"':
			quoted, err := strconv.QuotedPrefix(text[i:])
			if err != nil {
				return nil, &FaultError{Text: text, Column: i + 1, Problem: "the quoted text does not end, or has an unknown escape"}
			}
			value, err := strconv.Unquote(quoted)
			if err != nil || value == "" {
				return nil, &FaultError{Text: text, Column: i + 1, Problem: "the quoted text is empty or malformed"}
			}
			tokens = append(tokens, faultToken{text: value, column: i + 1, quoted: true})
			i += len(quoted)
		default:
			n := strings.IndexAny(text[i:], " \t\r\n;#\"")
			if n < 0 {
				n = len(text) - i
			}
			tokens = append(tokens, faultToken{text: text[i : i+n], column: i + 1})
			i += n
		}
	}
	return tokens, nil
}

// faultParser reads faults from tokens.
type faultParser struct {
	text   string
	tokens []faultToken
}

// next takes the next token of this fault; at its end it returns an end token.
func (p *faultParser) next() faultToken {
	if len(p.tokens) == 0 {
		return faultToken{column: len(p.text) + 1, end: true}
	}
	t := p.tokens[0]
	if !t.end {
		p.tokens = p.tokens[1:]
	}
	return t
}

// wrong makes the error for a token that must not stand there.
func (p *faultParser) wrong(t faultToken, want string, allowed []string) error {
	problem := "unknown " + want + " " + strconv.Quote(t.text)
	switch {
	case t.end:
		problem = "the " + want + " is missing"
	case t.quoted:
		problem = "a quoted text stands where the " + want + " belongs"
	}
	return &FaultError{Text: p.text, Column: t.column, Problem: problem, Allowed: allowed}
}

// word takes a word that must be one of the allowed; any word is allowed when there are none.
func (p *faultParser) word(want string, allowed ...string) (string, error) {
	t := p.next()
	if t.end || t.quoted || (len(allowed) > 0 && !slices.Contains(allowed, t.text)) {
		return "", p.wrong(t, want, allowed)
	}
	return t.text, nil
}

// quoted takes a quoted text.
func (p *faultParser) quoted(want string) (string, error) {
	t := p.next()
	if !t.quoted {
		return "", p.wrong(t, want, []string{`"text"`})
	}
	return t.text, nil
}

// duration takes a duration of at least the given length.
func (p *faultParser) duration(want string, least time.Duration) (time.Duration, error) {
	t := p.next()
	d, err := time.ParseDuration(t.text)
	if t.end || t.quoted || err != nil || d < least {
		return 0, p.wrong(t, want, []string{"durations like 90s, 10m or 1h30m"})
	}
	return d, nil
}

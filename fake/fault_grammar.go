package fake

import (
	"slices"
	"strconv"
	"strings"
)

// faultWords are the words that may follow each verb, apart from its call. They are what error messages list.
var faultWords = []struct {
	verb  verb
	words []string
}{
	{verbFail, []string{"on", "what=", "nth=", "count=", "p=", "class=", `"text"`, "remedy", "from", "for"}},
	{verbTimeout, []string{"on", "what=", "nth=", "count=", "p=", `"text"`, "from", "for"}},
	{verbHang, []string{"on", "what=", "nth=", "count=", "p=", "from", "for"}},
	{verbLose, []string{"on", "what=", "nth=", "count=", "p=", `"text"`, "from", "for"}},
	{verbOmit, []string{"on", "what=", "nth=", "count=", "p=", "from", "for"}},
	{verbPanic, []string{"on", "what=", "nth=", "count=", "p=", `"text"`, "from", "for"}},
	{verbLie, []string{"on", "nth=", "count=", "p=", "as", "from", "for"}},
	{verbJob, []string{"on", "what=", "nth=", "count=", "p=", "fails", "never", "stays", "does", "is", "from", "for"}},
	{verbAway, []string{"on", "from", "for"}},
	{verbSilent, []string{"on", "from", "for"}},
	{verbIgnore, []string{"on", "what=", "nth=", "count=", "p=", "from", "for"}},
	{verbBreak, []string{"on", "what=", "nth=", "count=", "p=", "from", "for"}},
	{verbForget, []string{"on", "from", "for"}},
}

// callsOf lists the calls that a verb can be about, none when it is about the device itself.
func callsOf(v verb) []string {
	switch v {
	case verbAway, verbSilent, verbForget:
		return nil
	case verbLie:
		return []string{opPowerState.String()}
	case verbBreak:
		return []string{opUploadFirmware.String()}
	case verbIgnore:
		return []string{opSetPower.String(), opResetHost.String(), opResetBMC.String(), opRestartDPUs.String(), opConfigureDPUNetwork.String()}
	case verbJob:
		return callNames(func(c callFacts) bool { return c.begun != opNone })
	case verbOmit:
		return callNames(func(c callFacts) bool { return c.batch })
	default:
		return callNames(func(callFacts) bool { return true })
	}
}

// fault reads one fault, up to its end.
func (p *faultParser) fault() (Fault, error) {
	var verbs, allowed []string
	for _, v := range faultWords {
		verbs = append(verbs, string(v.verb))
	}
	first, err := p.word("fault", verbs...)
	if err != nil {
		return Fault{}, err
	}
	f := Fault{verb: verb(first)}
	for _, v := range faultWords {
		if v.verb == f.verb {
			allowed = v.words
		}
	}
	if names := callsOf(f.verb); len(names) > 0 {
		name, err := p.word("call", names...)
		if err != nil {
			return Fault{}, err
		}
		f.call, _ = opNamed(name)
	}
	for {
		t := p.next()
		if t.end {
			break
		}
		if err := p.option(&f, t, allowed); err != nil {
			return Fault{}, err
		}
	}
	if f.verb == verbJob && f.ending == "" {
		return Fault{}, p.wrong(p.next(), "end of the job", endingsOf(f.call))
	}
	return f, nil
}

// option reads one option of a fault, whose first token is t.
func (p *faultParser) option(f *Fault, t faultToken, allowed []string) error {
	name, value, assigned := t.text, "", false
	switch {
	case t.quoted:
		name = `"text"`
	default:
		if before, after, found := strings.Cut(t.text, "="); found {
			name, value, assigned = before+"=", after, true
		}
	}
	if !slices.Contains(allowed, name) {
		return p.wrong(t, "word", allowed)
	}
	if assigned {
		return p.assign(f, t, name, value)
	}
	var err error
	switch name {
	case `"text"`:
		f.text = t.text
	case "on":
		f.on, err = p.word("device")
	case "as":
		f.as, err = p.word("power state", "on", "off")
	case "remedy":
		f.remedy, err = p.quoted("remedy")
	case "from":
		f.from, err = p.duration("begin of the window", 0)
	case "for":
		f.span, err = p.duration("length of the window", 1)
	default:
		err = p.ending(f, t)
	}
	return err
}

// endingsOf lists how the work that a call begins can end badly.
func endingsOf(call op) []string {
	all := []string{string(endFails), string(endNever)}
	switch calls[call].begun {
	case opConfigureDPUNetwork:
	case opConfigureFabricManager, opStartValidation:
		all = append(all, string(endPending))
	case opAttest:
		all = append(all, string(endPending), string(endNothing), string(endStale), string(endCancelled))
	default:
		all = append(all, string(endPending), string(endNothing))
	}
	return all
}

// ending reads how a job ends.
func (p *faultParser) ending(f *Fault, t faultToken) (err error) {
	f.text = ""
	words, allowed := t.text, endingsOf(f.call)
	if first := t.text; first != string(endFails) {
		var second []string
		for _, e := range allowed {
			if before, after, two := strings.Cut(e, " "); two && before == first {
				second = append(second, after)
			}
		}
		if len(second) == 0 {
			return p.wrong(t, "end of the job", allowed)
		}
		more, err := p.word("word", second...)
		if err != nil {
			return err
		}
		words += " " + more
	} else if f.text, err = p.quoted("cause"); err != nil {
		return err
	}
	f.ending = ending(words)
	return nil
}

// assign reads an option of the form name=value.
func (p *faultParser) assign(f *Fault, t faultToken, name, value string) error {
	refuse := func(problem string, allowed ...string) error {
		return &FaultError{Text: p.text, Column: t.column, Problem: problem + " " + strconv.Quote(value), Allowed: allowed}
	}
	switch name {
	case "what=":
		if value == "" {
			return refuse("nothing is asked for by")
		}
		f.what = value
	case "class=":
		classes := []string{string(classNotDone), string(classMaybe), string(classPermanent), string(classUnsupported), string(classUnauthorized)}
		if !slices.Contains(classes, value) {
			return refuse("unknown class", classes...)
		}
		f.class = class(value)
	case "p=":
		p, err := strconv.ParseFloat(value, 64)
		if err != nil || !(p > 0 && p <= 1) {
			return refuse("bad probability", "numbers above 0, up to 1")
		}
		f.p = p
	default:
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return refuse("bad number", "whole numbers from 1")
		}
		if name == "nth=" {
			f.nth = n
		} else {
			f.count = n
		}
	}
	return nil
}

package scenario

import (
	"reflect"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/rackstate/rackstate/rack"
)

// Duration is a time relative to the start of the scenario, or a length of time: "-10s", "4h1m".
type Duration time.Duration

// String is the form of time.Duration.
func (d Duration) String() string { return time.Duration(d).String() }

func (d *Duration) decode(dec *decoder, node ast.Node) {
	var word string
	dec.scalar(node, reflect.ValueOf(&word).Elem())
	v, err := time.ParseDuration(word)
	if err != nil && word != "" {
		dec.fail(node, "%q is no duration, for example 90s or -4h1m", word)
	}
	*d = Duration(v)
}

// Names is one name or a list of them. An empty list is not the same as none.
type Names []string

func (n *Names) decode(dec *decoder, node ast.Node) {
	if word, ok := text(node); ok {
		*n = Names{word}
		return
	}
	dec.list(node, reflect.ValueOf((*[]string)(n)).Elem())
}

// Activity is the name of an activity, or a map of its name to its parameters.
type Activity rack.Activity

// activityParams are the parameters of all activities. Whether they belong to the one that has them is for the rack to say.
type activityParams struct {
	Firmware   string   `yaml:"firmware"`
	Components []string `yaml:"components"`
	Force      bool     `yaml:"force"`
	Image      string   `yaml:"image"`
	Power      string   `yaml:"power"`
}

func (a *Activity) decode(dec *decoder, node ast.Node) {
	if word, ok := text(node); ok {
		*a = Activity{Name: rack.ActivityName(word)}
		return
	}
	params := map[string]activityParams{}
	dec.entries(node, reflect.ValueOf(&params).Elem())
	if len(params) != 1 {
		dec.fail(node, "an activity is a name, or a map of one name to its parameters")
		return
	}
	for name, p := range params {
		*a = Activity{Name: rack.ActivityName(name), Firmware: p.Firmware, Components: p.Components, Force: p.Force, Image: p.Image, Power: rack.PowerMode(p.Power)}
	}
}

// JobState is what a poll of a job finds: pending, running, completed, none, or {failed: text}.
type JobState struct {
	State string
	Cause string
}

// String is the form of a scenario file.
func (j JobState) String() string {
	if j.State == "failed" {
		return "{failed: " + j.Cause + "}"
	}
	return j.State
}

func (j *JobState) decode(dec *decoder, node ast.Node) {
	if word, ok := text(node); ok {
		switch word {
		case "pending", "running", "completed", "none":
			j.State = word
		default:
			dec.fail(node, "%q is no state of a job; use pending, running, completed, none or {failed: text}", word)
		}
		return
	}
	var m struct {
		Failed *string `yaml:"failed"`
	}
	dec.fields(node, reflect.ValueOf(&m).Elem())
	if m.Failed == nil {
		dec.fail(node, "the state of a job is pending, running, completed, none or {failed: text}")
		return
	}
	j.State, j.Cause = "failed", *m.Failed
}

// Answered is how one call of the hardware answers.
type Answered struct {
	Call   string  `yaml:"call"`
	On     string  `yaml:"on"`
	Answer Answers `yaml:"answer"`
}

// Answers are used in order, the last one repeats.
type Answers []Answer

func (a *Answers) decode(dec *decoder, node ast.Node) {
	if _, ok := node.(*ast.SequenceNode); ok {
		dec.list(node, reflect.ValueOf((*[]Answer)(a)).Elem())
		return
	}
	*a = make(Answers, 1)
	dec.into(node, reflect.ValueOf(&(*a)[0]).Elem())
}

// The forms of an answer.
const (
	answerOK          = "ok"
	answerUnsupported = "unsupported"
	answerError       = "error"
	answerPermanent   = "permanent"
	answerLost        = "lost"
	answerJobs        = "jobs"
	answerReport      = "report"
)

// Answer is one answer of the hardware.
type Answer struct {
	// Word is the form: ok, unsupported, error, permanent, lost, jobs or report.
	Word string
	// Text is the text of error, permanent and lost.
	Text string
	// Jobs are the states of jobs, by id of the device.
	Jobs map[string]JobState
	// Report are the data of an answer, by id of the device: what stands in the file as text, or as a map of texts.
	Report map[string]Datum
}

// Datum is a text or a map of texts.
type Datum struct {
	Text string
	Map  map[string]string
}

func (v *Datum) decode(dec *decoder, node ast.Node) {
	if word, ok := text(node); ok {
		v.Text = word
		return
	}
	dec.entries(node, reflect.ValueOf(&v.Map).Elem())
}

const answerForms = "an answer is ok, unsupported, or a map with one of error, permanent, lost, jobs and report"

func (a *Answer) decode(dec *decoder, node ast.Node) {
	if word, ok := text(node); ok {
		if a.Word = word; word != answerOK && word != answerUnsupported {
			dec.fail(node, "%q is no answer; %s", word, answerForms)
		}
		return
	}
	var m struct {
		Error     *string             `yaml:"error"`
		Permanent *string             `yaml:"permanent"`
		Lost      *string             `yaml:"lost"`
		Jobs      map[string]JobState `yaml:"jobs"`
		Report    map[string]Datum    `yaml:"report"`
	}
	before := len(dec.problems)
	dec.fields(node, reflect.ValueOf(&m).Elem())
	forms := 0
	for word, words := range map[string]*string{answerError: m.Error, answerPermanent: m.Permanent, answerLost: m.Lost} {
		if words != nil {
			forms++
			a.Word, a.Text = word, *words
		}
	}
	if m.Jobs != nil {
		forms++
		a.Word, a.Jobs = answerJobs, m.Jobs
	}
	if m.Report != nil {
		forms++
		a.Word, a.Report = answerReport, m.Report
	}
	if forms != 1 && len(dec.problems) == before {
		dec.fail(node, answerForms)
	}
}

package scenario

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/rackstate/rackstate/rack"
)

// Duration is a time relative to the start of the scenario, or a length of time: "-10s", "4h1m".
type Duration time.Duration

// UnmarshalYAML reads the form of time.ParseDuration.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := decode(node, &text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return at(node, "%q is no duration, for example 90s or -4h1m", text)
	}
	*d = Duration(v)
	return nil
}

// Names is one name or a list of them.
type Names []string

// UnmarshalYAML reads a name or a list.
func (n *Names) UnmarshalYAML(node ast.Node) error {
	var one string
	if scalar(node) {
		if err := decode(node, &one); err != nil {
			return err
		}
		*n = Names{one}
		return nil
	}
	var many []string
	if err := decode(node, &many); err != nil {
		return err
	}
	*n = many
	return nil
}

// Activity is the name of an activity, or a map of its name to its parameters.
type Activity rack.Activity

// UnmarshalYAML reads both forms. Names are not checked here: a request with an unknown activity is for the state machine to refuse.
func (a *Activity) UnmarshalYAML(node ast.Node) error {
	var name string
	if scalar(node) {
		if err := decode(node, &name); err != nil {
			return err
		}
		*a = Activity{Name: rack.ActivityName(name)}
		return nil
	}
	var params map[string]struct {
		Firmware   string   `yaml:"firmware"`
		Components []string `yaml:"components"`
		Force      bool     `yaml:"force"`
		Image      string   `yaml:"image"`
		Power      string   `yaml:"power"`
	}
	if err := decode(node, &params); err != nil {
		return err
	}
	if len(params) != 1 {
		return at(node, "an activity is a name, or a map of one name to its parameters")
	}
	for name, p := range params {
		*a = Activity{Name: rack.ActivityName(name), Firmware: p.Firmware, Components: p.Components, Force: p.Force, Image: p.Image, Power: rack.PowerMode(p.Power)}
	}
	return nil
}

// JobState is what a poll of a job finds: pending, running, completed, none, or {failed: text}.
type JobState struct {
	State string
	Cause string
}

// UnmarshalYAML reads both forms.
func (j *JobState) UnmarshalYAML(node ast.Node) error {
	if scalar(node) {
		if err := decode(node, &j.State); err != nil {
			return err
		}
		switch j.State {
		case "pending", "running", "completed", "none":
			return nil
		}
		return at(node, "%q is no state of a job; use pending, running, completed, none or {failed: text}", j.State)
	}
	var failed struct {
		Failed string `yaml:"failed"`
	}
	if err := decode(node, &failed); err != nil {
		return err
	}
	j.State, j.Cause = "failed", failed.Failed
	return nil
}

// Answered is how one call of the hardware answers.
type Answered struct {
	Call   string  `yaml:"call"`
	On     string  `yaml:"on"`
	Answer Answers `yaml:"answer"`
}

// Answers are used in order, the last one repeats.
type Answers []Answer

// UnmarshalYAML reads one answer or a list.
func (a *Answers) UnmarshalYAML(node ast.Node) error {
	if node.Type() == ast.SequenceType {
		var many []Answer
		if err := decode(node, &many); err != nil {
			return err
		}
		*a = many
		return nil
	}
	var one Answer
	if err := decode(node, &one); err != nil {
		return err
	}
	*a = Answers{one}
	return nil
}

// Answer is one answer: ok, unsupported, or one of the maps.
type Answer struct {
	Word      string
	Error     string
	Permanent string
	Lost      string
	Jobs      map[string]JobState
	Report    map[string]any
}

// UnmarshalYAML reads a word or a map.
func (a *Answer) UnmarshalYAML(node ast.Node) error {
	if scalar(node) {
		if err := decode(node, &a.Word); err != nil {
			return err
		}
		if a.Word == "ok" || a.Word == "unsupported" {
			return nil
		}
		return at(node, "%q is no answer; use ok, unsupported, or a map with error, permanent, lost, jobs or report", a.Word)
	}
	var m struct {
		Error     *string             `yaml:"error"`
		Permanent *string             `yaml:"permanent"`
		Lost      *string             `yaml:"lost"`
		Jobs      map[string]JobState `yaml:"jobs"`
		Report    map[string]any      `yaml:"report"`
	}
	if err := decode(node, &m); err != nil {
		return err
	}
	switch {
	case m.Error != nil:
		a.Word, a.Error = "error", *m.Error
	case m.Permanent != nil:
		a.Word, a.Permanent = "permanent", *m.Permanent
	case m.Lost != nil:
		a.Word, a.Lost = "lost", *m.Lost
	case m.Jobs != nil:
		a.Word, a.Jobs = "jobs", m.Jobs
	case m.Report != nil:
		a.Word, a.Report = "report", m.Report
	default:
		return at(node, "an answer is ok, unsupported, or a map with error, permanent, lost, jobs or report")
	}
	return nil
}

// Mention is a value that must be equal, or texts that must occur: {mentions: [text]}.
type Mention struct {
	Value    any
	Mentions []string
}

// UnmarshalYAML reads both forms.
func (m *Mention) UnmarshalYAML(node ast.Node) error {
	var texts struct {
		Mentions []string `yaml:"mentions"`
	}
	if !scalar(node) && node.Type() != ast.SequenceType && decode(node, &texts) == nil && texts.Mentions != nil {
		m.Mentions = texts.Mentions
		return nil
	}
	return decode(node, &m.Value)
}

// decode reads a node strictly.
func decode(node ast.Node, v any) error { return yaml.NodeToValue(node, v, yaml.Strict()) }

// scalar reports whether a node is neither a list nor a map.
func scalar(node ast.Node) bool {
	switch node.Type() {
	case ast.MappingType, ast.MappingValueType, ast.SequenceType:
		return false
	default:
		return true
	}
}

// at is an error that says where in the file it is.
func at(node ast.Node, format string, args ...any) error {
	pos := node.GetToken().Position
	return fmt.Errorf("[%d:%d] %s", pos.Line, pos.Column, fmt.Sprintf(format, args...))
}

package rest

import (
	"encoding/json"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Object is an object as the API shows it. It changes only with its version.
type Object struct {
	Ref         string            `json:"ref" doc:"The name of the object, as kind/id." example:"rack/A12"`
	Kind        string            `json:"kind" doc:"The kind."`
	ID          string            `json:"id" doc:"The id, unique within the kind."`
	Rack        string            `json:"rack" doc:"The id of the rack that it belongs to."`
	State       string            `json:"state" doc:"The lifecycle state. A sub-state is a path."`
	Class       string            `json:"class" enum:"resting,working,waiting,failed,deleting,unknown" doc:"What sort of state it is."`
	Since       time.Time         `json:"since" doc:"When it entered the state."`
	Version     uint64            `json:"version" doc:"Counts the commits that wrote it; the ETag."`
	Transitions uint64            `json:"transitions" doc:"Counts the changes of state."`
	Clock       StateClock        `json:"clock" doc:"The clock of the state, that the SLA is about."`
	Outcome     Outcome           `json:"outcome" doc:"The result of the last pass: what it waits for."`
	Labels      map[string]string `json:"labels,omitempty" doc:"Key-value metadata."`
	Holds       []Hold            `json:"holds,omitempty" nullable:"false" doc:"What asks the engine to leave it alone."`
	Alerts      []Alert           `json:"alerts,omitempty" nullable:"false" doc:"Its health: the alerts that count."`
	Override    *Override         `json:"override,omitempty" doc:"The source whose report counts in place of all others."`
	Deletion    *Deletion         `json:"deletion,omitempty" doc:"The mark that it shall go."`
	Broken      string            `json:"broken,omitempty" doc:"Why the engine cannot work on it."`
	Fields      json.RawMessage   `json:"fields,omitempty" doc:"Everything else that its kind keeps, as the kind defines it. Only where one object is asked for."`
}

// StateClock is the clock of a state. While it runs, it has run for the time since started_at; time under holds does not count.
type StateClock struct {
	StartedAt  *time.Time `json:"started_at,omitempty" doc:"Since when it runs, moved by the time that it stood still. Absent: it stands still."`
	Stopped    *float64   `json:"stopped_seconds,omitempty" doc:"Where it stands, if it stands still."`
	SLASeconds float64    `json:"sla_seconds,omitempty" doc:"How long it may run before the object is reported. Absent: no limit."`
	StepSLA    float64    `json:"step_sla_seconds,omitempty" doc:"How long the object may stay in this very state before it is reported. Absent: no limit."`
}

// Outcome is the result of the last pass over an object.
type Outcome struct {
	Kind    string    `json:"kind,omitempty" enum:"nothing,wait,transition,error,deleted" doc:"How it ended. Absent: it was not looked at yet."`
	Reason  string    `json:"reason,omitempty" doc:"What is awaited and observed, or what went wrong."`
	At      time.Time `json:"at,omitzero" doc:"Since when passes end like this."`
	OverSLA bool      `json:"over_sla,omitempty" doc:"It is longer in its state than the SLA allows."`
}

// Hold asks the engine to leave an object alone.
type Hold struct {
	Type    string    `json:"type"`
	Owner   string    `json:"owner"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires,omitzero" doc:"When it ends by itself. Absent: never."`
}

// Alert is one thing that a source reports about an object's health.
type Alert struct {
	ID              string   `json:"id" minLength:"1" maxLength:"256"`
	Source          string   `json:"source,omitempty" maxLength:"256" doc:"Who reports it."`
	Target          string   `json:"target,omitempty" maxLength:"256" doc:"The part of the device."`
	Message         string   `json:"message,omitempty" maxLength:"4096"`
	Classifications []string `json:"classifications,omitempty" nullable:"false" maxItems:"16" maxLength:"64" doc:"What follows from it, for example PreventAllocations."`
}

// Override says that the report of one source counts in place of all others.
type Override struct {
	Source     string    `json:"source"`
	Since      time.Time `json:"since"`
	Overridden []Alert   `json:"overridden" nullable:"false" doc:"What the others report, and does not count."`
}

func overrideOf(r *lifecycle.HealthReport, overridden []lifecycle.Alert) *Override {
	if r == nil {
		return nil
	}
	return &Override{Source: r.Source, Since: r.Since, Overridden: append([]Alert{}, alertsOf(overridden)...)}
}

// Deletion is the mark that an object shall go.
type Deletion struct {
	At        time.Time `json:"at"`
	Initiator string    `json:"initiator"`
	Force     bool      `json:"force,omitempty"`
}

// Request is something that an object was asked to do. Accepted is not done: the state says which of the two it is.
type Request struct {
	ID          string          `json:"id"`
	On          string          `json:"on" doc:"The object, as kind/id."`
	Rack        string          `json:"rack"`
	Type        string          `json:"type"`
	State       string          `json:"state" enum:"pending,started,finished,rejected,failed,cancelled,superseded,withdrawn"`
	Initiator   string          `json:"initiator"`
	Reference   string          `json:"reference,omitempty" doc:"The initiator's own name for it, for example a ticket."`
	Cycle       string          `json:"cycle,omitempty" doc:"The rack's maintenance cycle that made it."`
	At          time.Time       `json:"at"`
	StartedAt   time.Time       `json:"started_at,omitzero"`
	EndedAt     time.Time       `json:"ended_at,omitzero"`
	CancelledBy string          `json:"cancelled_by,omitempty" doc:"Who asked to stop it."`
	Reason      string          `json:"reason,omitempty" doc:"Why it ended as it did."`
	Params      json.RawMessage `json:"params,omitempty"`
	Results     []Result        `json:"results,omitempty" nullable:"false" doc:"What became of each target."`
}

// Result is what became of one target of a request.
type Result struct {
	Target    string `json:"target" doc:"The device, as kind/id."`
	Activity  string `json:"activity,omitempty"`
	Status    string `json:"status" enum:"running,ok,failed,skipped"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	JobID     string `json:"job_id,omitempty"`
	Error     string `json:"error,omitempty"`
	Retryable bool   `json:"retryable,omitempty"`
}

// Transition is one row of history.
type Transition struct {
	Position  uint64    `json:"position" doc:"Orders the rows of the whole store; the id of the event."`
	Ref       string    `json:"ref" doc:"The object, as kind/id."`
	Rack      string    `json:"rack"`
	Seq       uint64    `json:"seq" doc:"Counts the rows of the object from 1, without gaps."`
	From      string    `json:"from" doc:"The state before. Empty: it was created."`
	To        string    `json:"to" doc:"The state after. Empty: it is gone."`
	Timestamp time.Time `json:"timestamp"`
	Trigger   string    `json:"trigger"`
	Initiator string    `json:"initiator"`
	Note      string    `json:"note,omitempty"`
}

func transitionOf(t *backend.Transition) Transition {
	return Transition{
		Position: t.Position, Ref: t.Ref.String(), Rack: t.Rack, Seq: t.Seq, From: t.From, To: t.To,
		Timestamp: t.At, Trigger: t.Trigger, Initiator: t.Initiator, Note: t.Note,
	}
}

func outcomeOf(o backend.Outcome) Outcome {
	return Outcome{Kind: string(o.Kind), Reason: o.Reason, At: o.At, OverSLA: o.OverSLA}
}

func requestOf(r *backend.Request) Request {
	out := Request{
		ID: r.ID, On: r.On.String(), Rack: r.Rack, Type: r.Type, State: string(r.State), Initiator: r.Initiator, Reference: r.Reference, Cycle: r.Cycle,
		At: r.At, StartedAt: r.StartedAt, EndedAt: r.EndedAt, CancelledBy: r.CancelledBy, Reason: r.Reason, Params: r.Params,
	}
	for _, x := range r.Results {
		out.Results = append(out.Results, Result{
			Target: x.Target.String(), Activity: x.Activity, Status: string(x.Status), From: x.From, To: x.To, JobID: x.JobID, Error: x.Error, Retryable: x.Retryable,
		})
	}
	return out
}

func requestsOf(list []backend.Request) []Request {
	out := make([]Request, len(list))
	for i := range list {
		out[i] = requestOf(&list[i])
	}
	return out
}

func holdsOf(list []lifecycle.Hold) []Hold {
	var out []Hold
	for _, h := range list {
		out = append(out, Hold(h))
	}
	return out
}

func alertsOf(list []lifecycle.Alert) []Alert {
	var out []Alert
	for _, a := range list {
		x := Alert{ID: a.ID, Source: a.Source, Target: a.Target, Message: a.Message}
		for _, c := range a.Classifications {
			x.Classifications = append(x.Classifications, string(c))
		}
		out = append(out, x)
	}
	return out
}

// objectOf shows the engine's part of an object.
func (h *Handler) objectOf(o *lifecycle.Object, outcome backend.Outcome) Object {
	out := Object{
		Ref: o.Ref().String(), Kind: string(o.Ref().Kind), ID: o.ID(), Rack: o.Rack(), State: o.State(), Class: unknownClass, Since: o.Since(),
		Version: o.Version(), Transitions: o.Transitions(), Outcome: outcomeOf(outcome), Labels: o.Labels, Holds: holdsOf(o.Holds), Alerts: alertsOf(o.EffectiveAlerts()),
		Override: overrideOf(o.Replacing, o.Alerts),
	}
	if o.Deletion != nil {
		d := Deletion(*o.Deletion)
		out.Deletion = &d
	}
	start := o.Since()
	if !o.ClockStart.IsZero() {
		start = o.ClockStart
	}
	if o.PausedSince.IsZero() {
		start = start.Add(o.Paused)
		out.Clock.StartedAt = &start
	} else {
		stopped := o.Elapsed(o.PausedSince).Seconds()
		out.Clock.Stopped = &stopped
	}
	if k := h.kinds[o.Ref().Kind]; k != nil {
		if s, ok := k.states[o.State()]; ok {
			out.Class, out.Clock.SLASeconds, out.Clock.StepSLA = string(s.Class), s.SLA.Seconds(), s.StepSLA.Seconds()
		}
	}
	return out
}

// unknownClass is the class of a state that the table does not know.
const unknownClass = "unknown"

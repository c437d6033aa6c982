package rack

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// stage is one part of a power sequence: all devices of one kind.
type stage struct {
	name    string
	devices []backend.Device
}

// stages are the parts in the order in which they are switched off; on is the reverse.
func (u *run) stages(on bool) []stage {
	all := []stage{{"machines", u.machines()}, {"switches", u.switches()}, {"power shelves", u.shelves()}}
	if on {
		slices.Reverse(all)
	}
	return all
}

func (u *run) poweringOff() (lifecycle.Outcome, error) {
	if len(u.r.Cycle.Calls) == 0 { // what has been begun is not left in the middle
		if p, err := u.planned(); err != nil || p.Skip != "" {
			return u.skipPower(p, err)
		}
		if busy := u.installing(); len(busy) > 0 {
			return u.wait("its machines to end what they install", fmt.Sprintf("%d would lose power in the middle of it: %s", len(busy), someOf(ids(busy))), refs(busy)...)
		}
	}
	arrived, out, err := u.sequence(backend.ActionPowerOff, backend.PowerOff)
	if !arrived {
		return out, err
	}
	u.r.Cycle.Asked, u.r.Cycle.Calls, u.r.Cycle.AskedAt = nil, nil, time.Time{}
	if u.activity.mode() == SequenceOff {
		u.wakeWaiting()
		return lifecycle.FireTo(PowerIsOff, PoweredOff), nil
	}
	return lifecycle.FireTo(PowerIsOff, PoweringOn), nil
}

func (u *run) poweringOn() (lifecycle.Outcome, error) {
	if u.activity.mode() == SequenceOn || u.h.caps.Power == nil {
		if p, err := u.planned(); err != nil || p.Skip != "" {
			return u.skipPower(p, err)
		}
	}
	arrived, out, err := u.sequence(backend.ActionPowerOn, backend.PowerOn)
	if !arrived {
		return out, err
	}
	for _, d := range u.targets() {
		u.result(backend.Result{Target: d.Ref, Status: backend.ResultOK, To: string(backend.PowerOn)})
	}
	if power, ok := u.env.Started(TypePower); ok {
		if err := u.env.Finish(power.ID, "power is on"); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	return u.done("power is on", refs(u.targets())...)
}

// installing lists the machines in scope that must not lose power now. They go on with their own firmware while the rack goes on with its cycle.
func (u *run) installing() []backend.Device {
	var busy []backend.Device
	for _, d := range u.machines() {
		if m, ok := lifecycle.Look[machine.Machine](&u.env.Tx, d.Ref); ok && m.Installing() {
			busy = append(busy, d)
		}
	}
	return busy
}

func (u *run) skipPower(p ActivityPlan, err error) (lifecycle.Outcome, error) {
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	return u.done("skipped: " + p.Skip)
}

// sequence takes the stages in order and goes on to the next when all of one has reached the power state. A device that is there already is not touched.
func (u *run) sequence(action backend.PowerAction, want backend.PowerState) (arrived bool, out lifecycle.Outcome, err error) {
	for _, st := range u.stages(action == backend.ActionPowerOn) {
		late, polled := u.late(st.devices, want)
		if len(late) == 0 && polled == nil {
			continue
		}
		if polled == nil {
			refused, err := u.ask(action, st, late)
			if err != nil {
				return false, out, err
			}
			if refused != "" {
				out, err = u.fail(fmt.Sprintf("power %s of %s refused: %s", want, st.name, refused), u.leftOff(refs(late))...)
				return false, out, err
			}
			if late, polled = u.late(st.devices, want); len(late) == 0 && polled == nil {
				continue
			}
		}
		observes := fmt.Sprintf("%d of %d %s are not %s: %s", len(late), len(st.devices), st.name, want, someOf(ids(late)))
		if polled != nil {
			observes = "power states cannot be read: " + polled.Error()
			late = st.devices
		}
		out, err = u.wait("power "+string(want)+" of its "+st.name, observes, refs(late)...)
		return false, out, err
	}
	return true, out, nil
}

// late lists the devices of a stage that have not reached the power state. The error is not nil when nothing could be read.
func (u *run) late(devices []backend.Device, want backend.PowerState) ([]backend.Device, error) {
	if len(devices) == 0 {
		return nil, nil
	}
	found, err := u.h.caps.Power.PowerState(u.ctx, devices)
	if err != nil && len(found) == 0 {
		return nil, err
	}
	var out []backend.Device
	for _, d := range devices {
		if found[d.Ref] != want {
			out = append(out, d)
		}
	}
	return out, nil
}

// askAgain is after which time a device that has not reached its power state is asked once more: something else may have acted on it at the same moment, or its management controller has
// forgotten the order.
const askAgain = 5 * time.Minute

// ask changes the power of the devices of a stage that were not asked yet, or not lately. refused names those that never will.
func (u *run) ask(action backend.PowerAction, st stage, late []backend.Device) (refused string, err error) {
	c := u.r.Cycle
	var todo []backend.Device
	for _, d := range late {
		if !slices.Contains(c.Asked, d.Ref) {
			todo = append(todo, d)
		}
	}
	if len(todo) == 0 && u.env.Now().Sub(c.AskedAt) >= askAgain {
		todo = late
	}
	if len(todo) == 0 {
		return "", nil
	}
	err = u.h.caps.Power.SetPower(u.ctx, u.env.Key(fmt.Sprintf("SetPower:%s:%s:%08x", action, st.name, digest(todo)), c.Calls[st.name]), action, todo)
	failed, rest := backend.SplitDeviceErrors(err)
	if rest != nil && !errors.Is(backend.Classify(rest), backend.ErrPermanent) {
		return "", rest
	}
	if c.Calls == nil {
		c.Calls = map[string]int{}
	}
	c.Calls[st.name]++
	c.AskedAt = u.env.Now()
	var never []string
	for _, d := range todo {
		e := failed[d.Ref]
		if e == nil {
			e = rest
		}
		switch class := backend.Classify(e); {
		case errors.Is(class, backend.ErrPermanent), errors.Is(class, backend.ErrNotSupported):
			never = append(never, d.Ref.ID+": "+e.Error())
			u.result(backend.Result{Target: d.Ref, Status: backend.ResultFailed, Error: e.Error()})
		case errors.Is(class, backend.ErrNotDone): // asked again by the next pass
		default:
			if !slices.Contains(c.Asked, d.Ref) {
				c.Asked = append(c.Asked, d.Ref)
			}
		}
	}
	return someOf(never), nil
}

// digest tells lists of devices apart. Which devices are asked depends on what the last look saw; under the key of a shorter list a device would be left out.
func digest(devices []backend.Device) uint32 {
	return crc32.ChecksumIEEE([]byte(strings.Join(ids(devices), " ")))
}

// leftOff lists the devices that a power sequence which ends early leaves unfinished: the stragglers of its stage, and every other one that has no power, as far as
// that can be read.
func (u *run) leftOff(stragglers []backend.Ref) []backend.Ref {
	off, err := u.late(u.targets(), backend.PowerOn)
	if err != nil {
		return refs(u.targets())
	}
	out := slices.Clone(stragglers)
	for _, d := range off {
		if !slices.Contains(out, d.Ref) {
			out = append(out, d.Ref)
		}
	}
	return out
}

func ids(devices []backend.Device) []string {
	out := make([]string, len(devices))
	for i, d := range devices {
		out[i] = d.Ref.ID
	}
	return out
}

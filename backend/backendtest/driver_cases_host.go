package backendtest

import (
	"errors"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// hostCases prove what the capabilities promise that are about one host.
func hostCases() []driverCase {
	machines := func(c *driverCheck) bool { return len(c.h.Machines) > 0 }
	proofs := func(c *driverCheck) bool { return machines(c) && len(c.can.Attestors) > 0 }
	units := func(c *driverCheck) bool { return machines(c) && c.can.DPU != nil }
	return []driverCase{
		driverRule("AttestorsHaveNamesOfTheirOwn", "Name is the same at every call, and unique in its list", proofs, checkNames),
		driverRule("AProofIsMeasuredAfterItWasAskedFor", "Attest asks the host for a new proof; MeasuredAt is when the host measured what it proves", proofs, checkProofs),
		driverRule("AnUnknownProofIsErrNoJob", `"No such job" is ErrNoJob`, proofs, checkUnknownProof),
		driverRule("EveryStepOfACleanupHasAResult", "Results are what became of each step", func(c *driverCheck) bool { return machines(c) && c.can.Cleanup != nil }, checkCleanup),
		driverRule("DPUsAreReportedInOneOrder", "DPUs returns a report for every unit that the host has, also for one that has never reported, in the order of their ids", units, checkUnits),
		driverRule("ARestartOfTheDPUsIsReported", "RestartDPUs restarts every unit of the host; UpAt is when its operating system last came up, SeenAt when its agent last reported", units,
			checkUnitRestart),
		driverRule("TheNetworkOfTheDPUsIsReported", "ConfigureDPUNetwork gives every unit the network configuration of that id; Network is the id that it has applied", units, checkNetwork),
		driverRule("EventsAreInOrder", "Events returns the entries at or after a time, oldest first",
			func(c *driverCheck) bool { return machines(c) && c.can.EventLog != nil && c.can.Reset != nil }, checkEvents),
	}
}

func checkNames(c *driverCheck) {
	var names []string
	for i, a := range c.can.Attestors {
		name := a.Name()
		if name == "" || slices.Contains(names, name) {
			c.failf("attestor %d has the name %q, after %v", i+1, name, names)
		}
		if again := c.h.Driver.Capabilities().Attestors[i].Name(); again != name || a.Name() != name {
			c.failf("attestor %d is named %q, and then %q", i+1, name, again)
		}
		names = append(names, name)
	}
}

// proof asks an attestor and waits until it has measured.
func (c *driverCheck) proof(a backend.Attestor, key string) (status backend.AttestationStatus, ok bool) {
	host, id := c.h.Machines[0], ""
	if !c.look("Attest of "+a.Name(), func() (err error) { id, err = a.Attest(c.ctx, key, host); return err }) {
		return status, false
	}
	looks := 0
	ok = c.until("the proof of "+a.Name()+" is there", func() bool {
		var err error
		status, err = a.Attestation(c.ctx, backend.Job{Device: host.Ref, Endpoint: host.Endpoint, ID: id})
		if looks++; looks == 30 && c.can.Reset != nil {
			_ = c.can.Reset.ResetHost(c.ctx, "restart for "+key, host)
		}
		return err == nil && status.State != backend.AttestationWaiting
	})
	return status, ok
}

func checkProofs(c *driverCheck) {
	for _, a := range c.can.Attestors {
		first, ok := c.proof(a, "key-1")
		if !ok {
			continue
		}
		c.pass(c.step())
		second, ok := c.proof(a, "key-2")
		switch {
		case !ok:
		case !second.MeasuredAt.After(first.MeasuredAt):
			c.failf("%s: a proof was measured at %s, one that was asked for later at %s", a.Name(), first.MeasuredAt, second.MeasuredAt)
		case second.State == backend.AttestationPassed && second.Measured <= 0:
			c.failf("%s: a proof has passed that speaks of %d parts", a.Name(), second.Measured)
		case second.State != backend.AttestationPassed && second.Cause == "":
			c.failf("%s: a proof is %s without a cause", a.Name(), second.State)
		}
	}
}

func checkUnknownProof(c *driverCheck) {
	for _, a := range c.can.Attestors {
		var err error
		c.until("Attestation of "+a.Name(), func() bool {
			_, err = a.Attestation(c.ctx, backend.Job{Device: c.h.Machines[0].Ref, ID: "no-such-proof"})
			return !errors.Is(err, backend.ErrNotDone)
		})
		c.wraps("an unknown proof of "+a.Name(), err, backend.ErrNoJob)
	}
}

func checkCleanup(c *driverCheck) {
	host, id := c.h.Machines[0], ""
	if !c.look("StartCleanup", func() (err error) {
		id, err = c.can.Cleanup.StartCleanup(c.ctx, "key-1", host, c.h.CleanupSteps)
		return err
	}) {
		return
	}
	var status backend.CleanupStatus
	looks := 0
	if !c.until("the clean-up ends", func() (ended bool) {
		var err error
		status, err = c.can.Cleanup.CleanupJob(c.ctx, backend.Job{Device: host.Ref, Endpoint: host.Endpoint, ID: id})
		if looks++; looks == 30 && status.State == backend.JobPending && c.can.Reset != nil {
			_ = c.can.Reset.ResetHost(c.ctx, "restart for the clean-up", host)
		}
		return err == nil && status.State.Terminal()
	}) || status.State != backend.JobCompleted {
		return
	}
	for _, step := range c.h.CleanupSteps {
		if _, there := status.Results[step]; !there {
			c.failf("the clean-up has completed and %s has no result", step)
		}
	}
	for step := range status.Results {
		if !slices.Contains(c.h.CleanupSteps, step) {
			c.failf("the clean-up has a result of %s, which nobody asked for", step)
		}
	}
}

// units reads the reports of the data processing units.
func (c *driverCheck) units() (reports []backend.DPUReport, ids []string) {
	c.look("DPUs", func() (err error) { reports, err = c.can.DPU.DPUs(c.ctx, c.h.Machines[0]); return err })
	for _, r := range reports {
		ids = append(ids, r.ID)
	}
	return reports, ids
}

func checkUnits(c *driverCheck) {
	first, ids := c.units()
	if sorted := slices.Sorted(slices.Values(ids)); !slices.Equal(ids, sorted) || len(slices.Compact(sorted)) != len(ids) || slices.Contains(ids, "") {
		c.failf("DPUs: the ids are %q", ids)
	}
	if !c.look("RestartDPUs", func() error { return c.can.DPU.RestartDPUs(c.ctx, "key-1", c.h.Machines[0]) }) {
		return
	}
	for i := range first {
		for component := range first[i].Firmware {
			first[i].Firmware[component] = "overwritten by the caller"
		}
	}
	again, same := c.units()
	if !slices.Equal(ids, same) {
		c.failf("DPUs: the ids are %q, and %q after a restart", ids, same)
	}
	for _, r := range again {
		for component, version := range r.Firmware {
			if version == "overwritten by the caller" {
				c.failf("DPUs: the version of %s of %s shares memory with an earlier answer", component, r.ID)
			}
		}
	}
}

// every waits until all units are as wanted.
func (c *driverCheck) every(what string, wanted func(i int, r backend.DPUReport) bool) {
	c.until(what, func() bool {
		reports, err := c.can.DPU.DPUs(c.ctx, c.h.Machines[0])
		if err != nil {
			return false
		}
		for i, r := range reports {
			if !wanted(i, r) {
				return false
			}
		}
		return true
	})
}

func checkUnitRestart(c *driverCheck) {
	c.every("every unit is up", func(_ int, r backend.DPUReport) bool { return !r.UpAt.IsZero() && !r.SeenAt.Before(r.UpAt) })
	before, _ := c.units()
	c.pass(c.step())
	if c.look("RestartDPUs", func() error { return c.can.DPU.RestartDPUs(c.ctx, "key-1", c.h.Machines[0]) }) {
		c.every("the restart of every unit is reported", func(i int, r backend.DPUReport) bool {
			return i < len(before) && r.UpAt.After(before[i].UpAt) && !r.SeenAt.Before(r.UpAt)
		})
	}
}

func checkNetwork(c *driverCheck) {
	for _, network := range []string{"network-1", "network-2"} {
		if c.look("ConfigureDPUNetwork", func() error {
			return c.can.DPU.ConfigureDPUNetwork(c.ctx, "key-"+network, c.h.Machines[0], network)
		}) {
			c.every("every unit has "+network, func(_ int, r backend.DPUReport) bool { return r.Network == network })
		}
	}
}

// events reads an event log.
func (c *driverCheck) events(since time.Time) (found []backend.Event) {
	c.look("Events", func() (err error) { found, err = c.can.EventLog.Events(c.ctx, c.h.Machines[0], since); return err })
	return found
}

func checkEvents(c *driverCheck) {
	before := len(c.events(time.Time{}))
	for _, key := range []string{"key-1", "key-2"} {
		if !c.look("ResetHost", func() error { return c.can.Reset.ResetHost(c.ctx, key, c.h.Machines[0]) }) {
			return
		}
		c.pass(c.step())
	}
	var all []backend.Event
	if !c.until("two restarts are in the event log", func() bool { all = c.events(time.Time{}); return len(all) >= before+2 }) {
		return
	}
	ids := map[string]bool{}
	for i, e := range all {
		if ids[e.ID] || e.ID == "" || e.At.IsZero() || e.Kind == "" {
			c.failf("Events: entry %d is %+v", i, e)
		}
		if ids[e.ID] = true; i > 0 && e.At.Before(all[i-1].At) {
			c.failf("Events: entry %s of %s comes after one of %s", e.ID, e.At, all[i-1].At)
		}
	}
	last := all[len(all)-1]
	recent := c.events(last.At)
	if !slices.ContainsFunc(recent, func(e backend.Event) bool { return e.ID == last.ID }) {
		c.failf("Events: entry %s of %s is not among those since then", last.ID, last.At)
	}
	for _, e := range recent {
		if e.At.Before(last.At) {
			c.failf("Events: entry %s of %s is among those since %s", e.ID, e.At, last.At)
		}
	}
}

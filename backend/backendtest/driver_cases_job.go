package backendtest

import (
	"errors"
	"reflect"

	"github.com/rackstate/rackstate/backend"
)

// jobCases prove that jobs can be followed to their end.
func jobCases() []driverCase {
	polls := func(_ *driverCheck, call driverCall) bool { return call.poll != nil }
	const poll = "Long work is a job: the call submits and returns its id, a second method polls"
	return []driverCase{
		callRule("AJobEndsAndStaysEnded", poll, polls, func(c *driverCheck, call driverCall) {
			answer, err := c.call(call, "key-1", call.devices)
			if !c.ok(call.name, err) {
				return
			}
			c.end(call, call.devices, answer)
			var jobs []backend.Job
			for _, dev := range call.devices {
				if id := answer[dev.Ref]; id != "" {
					jobs = append(jobs, backend.Job{Device: dev.Ref, ID: id})
				}
				if !call.batch {
					break
				}
			}
			if len(jobs) == 0 {
				return
			}
			ended := c.polled(call, jobs)
			for ref, status := range ended {
				if !status.State.Terminal() {
					c.failf("the job of %s on %s has ended, and is %q now", call.name, ref, status.State)
				}
				if status.State == backend.JobFailed && status.Cause == "" {
					c.failf("the job of %s on %s has failed without a cause", call.name, ref)
				}
			}
			c.pass(c.step())
			if again := c.polled(call, jobs); !reflect.DeepEqual(again, ended) {
				c.failf("jobs of %s that had ended as %v are %v now", call.name, ended, again)
			}
		}),
		callRule("AnUnknownJobIsErrNoJob", `"No such job" is ErrNoJob`, polls, func(c *driverCheck, call driverCall) {
			dev := call.devices[0]
			var err error
			c.look("poll an unknown job of "+call.name, func() error {
				_, err = call.poll(c.ctx, []backend.Job{{Device: dev.Ref, ID: "no-such-job"}})
				if errors.Is(err, backend.ErrNotDone) {
					return err
				}
				return nil
			})
			c.wraps("poll an unknown job of "+call.name, c.errorOf(call, err, dev.Ref), backend.ErrNoJob)
		}),
		callRule("EveryJobIsAccountedFor", "A call for many devices reports for each",
			func(_ *driverCheck, call driverCall) bool {
				return call.poll != nil && call.batch && len(call.devices) > 1
			},
			func(c *driverCheck, call driverCall) {
				answer, err := c.call(call, "key-1", call.devices)
				if !c.ok(call.name, err) {
					return
				}
				lost := call.devices[0]
				jobs := []backend.Job{{Device: lost.Ref, ID: "no-such-job"}}
				for _, dev := range call.devices[1:] {
					jobs = append(jobs, backend.Job{Device: dev.Ref, ID: answer[dev.Ref]})
				}
				found, err := call.poll(c.ctx, jobs)
				failed, rest := backend.SplitDeviceErrors(err)
				if rest != nil || len(failed) != 1 {
					c.failf("poll of %s: failed devices are %v and the whole call says %v, want %s alone", call.name, failed, rest, lost.Ref)
				}
				c.wraps("poll of an unknown job of "+call.name, failed[lost.Ref], backend.ErrNoJob)
				for _, job := range jobs[1:] {
					if found[job.Device].State == "" {
						c.failf("poll of %s: the job on %s is neither in the answer nor in the error", call.name, job.Device)
					}
				}
			}),
	}
}

// polled polls jobs that must be known.
func (c *driverCheck) polled(call driverCall, jobs []backend.Job) (found backend.Jobs) {
	c.look("poll the jobs of "+call.name, func() (err error) {
		found, err = call.poll(c.ctx, jobs)
		return err
	})
	return found
}

package nvswitch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// precedenceScenarios are those in which two things are true at once, and one of them counts.
var precedenceScenarios = []scenario{
	{
		name: "a request that awaits nothing is done and not withdrawn when its cycle is over too",
		rack: "Error", state: nvswitch.Ready, requests: one(byRack("q1", "c1", false)), requestz: done,
	},
	{
		name: "what has completed comes before a cancellation",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(cancelled(byRack("q1", "c1", true, firmware))),
		with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressCompleted, "") },
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.FirmwareUpgraded, requestz: done,
	},
	{
		name: "a cancellation comes before the end of the cycle",
		rack: "Error", state: nvswitch.WaitingForNVOS, requests: one(cancelled(byRack("q1", "c1", true, nvos))),
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.RequestCleared, note: []string{"cancelled by bob"}, requestz: ends(backend.RequestCancelled),
	},
	{
		name: "a fault of the fabric in an earlier cycle is no failure of this one",
		rack: "Maintenance", cycle: "c2", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c2", true, nmxc)), with: fabric(backend.FabricNotOK, "", "link 4 is down"),
		outcome: []string{"wait", "earlier cycle"}, requestz: ends(backend.RequestStarted),
	},
	{
		name:  "a certificate that is refused for good fails without a word of the time",
		state: nvswitch.NewCertificateStart, age: 31 * time.Minute, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)),
		world: func(b *bench) { b.hw.configure = backend.Permanent(errors.New("bad domain"), "") },
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"s1 failed: bad domain"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "a certificate job that has failed counts although the request was cancelled",
		state: nvswitch.NewCertificateWait, with: running, requests: one(cancelled(byAlice("q1", nvswitch.OpReconfigureCertificate, true))),
		world: answers(status(backend.JobFailed, "bad csr")),
		path:  []nvswitch.State{nvswitch.Error}, trigger: nvswitch.OperationFailed, cause: []string{"bad csr"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "a cancelled reconfiguration ends although its job cannot be polled",
		state: nvswitch.NewCertificateWait, with: running, requests: one(cancelled(byAlice("q1", nvswitch.OpReconfigureCertificate, true))),
		world: answers(jobAnswer{err: errRefused}),
		path:  []nvswitch.State{nvswitch.Error}, trigger: nvswitch.OperationCancelled, cause: []string{"job-7", "may still run"}, requestz: ends(backend.RequestCancelled),
	},
}

func TestOfTwoThingsThatAreTrueAtOnceTheRightOneCounts(t *testing.T) {
	t.Parallel()
	for _, sc := range precedenceScenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			sc.run(t)
		})
	}
}

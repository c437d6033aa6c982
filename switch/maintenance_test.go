package nvswitch_test

import (
	"errors"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func cancelled(r backend.Request) backend.Request {
	r.CancelledBy = "bob"
	return r
}

func inError(s *nvswitch.Switch) { s.Cause = "fan 3 is dead" }

func markDeleted(s *nvswitch.Switch) { s.Deletion = &lifecycle.Deletion{At: begin, Initiator: "admin"} }

func one(r backend.Request) []backend.Request { return []backend.Request{r} }

func ends(state backend.RequestState) map[string]backend.RequestState {
	return map[string]backend.RequestState{"q1": state}
}

// restingScenarios are those of Ready and Error.
var restingScenarios = []scenario{
	{
		name:  "a switch in Ready without a request is left alone",
		state: nvswitch.Ready, outcome: []string{"nothing"}, calls: []string{},
	},
	{
		name:  "a switch in Error says what leads out of it",
		state: nvswitch.Error, with: inError, cause: []string{"fan 3"}, outcome: []string{"wait", "maintenance request", "fan 3 is dead"}, calls: []string{},
	},
	{
		name: "a maintenance request comes before the rack's request in a ready switch",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Ready,
		requests: []backend.Request{byRack("q1", "c1", false, lifecycle.StepFirmware), byAlice("q2", nvswitch.OpPowerOn, false)},
		path:     []nvswitch.State{nvswitch.PoweringOn},
		requestz: map[string]backend.RequestState{"q1": backend.RequestPending, "q2": backend.RequestStarted}, calls: []string{},
	},
	{
		name:  "a ready switch is taken to PowerOff",
		state: nvswitch.Ready, requests: one(byAlice("q1", nvswitch.OpPowerOff, false)), path: []nvswitch.State{nvswitch.PoweringOff},
	},
	{
		name:  "a ready switch is taken to Reset",
		state: nvswitch.Ready, requests: one(byAlice("q1", nvswitch.OpReset, false)), path: []nvswitch.State{nvswitch.Resetting},
	},
	{
		name:  "a ready switch is taken to ReconfigureCertificate",
		state: nvswitch.Ready, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, false)), path: []nvswitch.State{nvswitch.NewCertificateStart},
	},
	{
		name:  "a failed switch keeps its cause while it is powered on",
		state: nvswitch.Error, with: inError, requests: one(byAlice("q1", nvswitch.OpPowerOn, false)), path: []nvswitch.State{nvswitch.PoweringOn}, cause: []string{"fan 3"},
	},
	{
		name:  "a failed switch is powered off",
		state: nvswitch.Error, requests: one(byAlice("q1", nvswitch.OpPowerOff, false)), path: []nvswitch.State{nvswitch.PoweringOff},
	},
	{
		name:  "a failed switch is reset and is Ready without its cause",
		state: nvswitch.Error, with: inError, steps: 2, requests: one(byAlice("q1", nvswitch.OpReset, false)),
		path: []nvswitch.State{nvswitch.Resetting, nvswitch.Ready}, requestz: done, calls: []string{"SetPower s1"},
	},
	{
		name:  "a failed switch gets a new certificate",
		state: nvswitch.Error, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, false)), path: []nvswitch.State{nvswitch.NewCertificateStart},
	},
	{
		name:  "an operation that this version does not know is rejected and moves nothing",
		state: nvswitch.Ready, requests: one(byAlice("q1", "Melt", false)), outcome: []string{"nothing"}, requestz: ends(backend.RequestRejected), calls: []string{},
	},
}

var maintenanceScenarios = []scenario{
	{
		name:  "a power operation is done once and ends in Ready",
		state: nvswitch.PoweringOn, requests: one(byAlice("q1", nvswitch.OpPowerOn, true)), steps: 2,
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.OperationCompleted, requestz: done, calls: []string{"SetPower s1"},
	},
	{
		name:  "a power call that fails ends the maintenance of a switch without a second attempt",
		state: nvswitch.PoweringOff, requests: one(byAlice("q1", nvswitch.OpPowerOff, true)), steps: 2,
		world: func(b *bench) { b.hw.setPower = []error{backend.NotDone(errRefused), nil} },
		path:  []nvswitch.State{nvswitch.Error}, trigger: nvswitch.OperationFailed,
		cause: []string{"PowerOff", "s1", "connection refused"}, requestz: ends(backend.RequestFailed), calls: []string{"SetPower s1"},
	},
	{
		name:  "a device error is the cause",
		state: nvswitch.Resetting, requests: one(byAlice("q1", nvswitch.OpReset, true)),
		world: func(b *bench) {
			b.hw.setPower = []error{backend.DeviceErrors(map[backend.Ref]error{nvswitch.Ref("s1"): errors.New("power supply fault")})}
		},
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"power supply fault"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "a switch without a BMC credential cannot be powered and says so",
		state: nvswitch.PoweringOn, requests: one(byAlice("q1", nvswitch.OpPowerOn, true)), world: noCredential(backend.BMCCredential),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"credential", "bmc/switch/s1"}, requestz: ends(backend.RequestFailed), calls: []string{},
	},
	{
		name:  "a switch without a BMC address cannot be powered and says so",
		state: nvswitch.PoweringOn, requests: one(byAlice("q1", nvswitch.OpPowerOn, true)), with: func(s *nvswitch.Switch) { s.Endpoint.BMCAddress = "" },
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"BMC address"}, requestz: ends(backend.RequestFailed), calls: []string{},
	},
	{
		name:  "a driver without power fails the operation",
		state: nvswitch.PoweringOn, requests: one(byAlice("q1", nvswitch.OpPowerOn, true)), world: without(func(c *backend.Capabilities) { c.Power = nil }),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"no power capability"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "a cancelled power operation does nothing and returns to Ready",
		state: nvswitch.PoweringOff, requests: one(cancelled(byAlice("q1", nvswitch.OpPowerOff, true))),
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.OperationCancelled, note: []string{"bob"}, requestz: ends(backend.RequestCancelled), calls: []string{},
	},
	{
		name:  "a cancelled power operation of a failed switch returns to Error with its old cause",
		state: nvswitch.PoweringOff, with: inError, requests: one(cancelled(byAlice("q1", nvswitch.OpPowerOff, true))),
		path: []nvswitch.State{nvswitch.Error}, trigger: nvswitch.OperationCancelled, cause: []string{"fan 3 is dead"}, requestz: ends(backend.RequestCancelled), calls: []string{},
	},
	{
		name:  "a power operation that nobody asks for is not done",
		state: nvswitch.Resetting, path: []nvswitch.State{nvswitch.Ready}, note: []string{"not on record"}, calls: []string{},
	},
	{
		name:  "a new certificate is installed and the switch is Ready",
		state: nvswitch.NewCertificateStart, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)), steps: 3,
		world: answers(status(backend.JobRunning, ""), status(backend.JobCompleted, "")),
		path:  []nvswitch.State{nvswitch.NewCertificateWait, nvswitch.Ready}, requestz: done,
		calls: []string{"ConfigureCertificate s1 r1", "CertificateJob job-1", "CertificateJob job-1"},
	},
	{
		name:  "a missing certificate capability fails a reconfiguration that skips nothing",
		state: nvswitch.NewCertificateStart, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)),
		world: func(b *bench) { b.hw.configure = backend.ErrNotSupported },
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"not supported"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "a driver that lacks the certificate capability fails a reconfiguration",
		state: nvswitch.NewCertificateStart, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)),
		world: without(func(c *backend.Capabilities) { c.Certificates = nil }),
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"no certificate capability"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "an incomplete NVOS endpoint fails a reconfiguration by name",
		state: nvswitch.NewCertificateStart, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)), world: noCredential(backend.NVOSCredential),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"nvos/switch/s1"}, requestz: ends(backend.RequestFailed), calls: []string{},
	},
	{
		name:  "a reconfiguration that may be submitted later is tried again",
		state: nvswitch.NewCertificateStart, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)),
		world:   func(b *bench) { b.hw.configure = errRefused },
		outcome: []string{"error", "connection refused"}, requestz: ends(backend.RequestStarted),
	},
	{
		name:  "a reconfiguration that cannot be submitted for half an hour fails",
		state: nvswitch.NewCertificateStart, age: 31 * time.Minute, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)),
		world: func(b *bench) { b.hw.configure = errRefused },
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"timed out after 30m", "connection refused"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "a failed certificate job fails the reconfiguration",
		state: nvswitch.NewCertificateWait, with: running, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)),
		world: answers(status(backend.JobFailed, "bad csr")),
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"bad csr", "job-7"}, requestz: ends(backend.RequestFailed),
	},
	{
		name:  "a certificate job that cannot be polled for a moment keeps the reconfiguration",
		state: nvswitch.NewCertificateWait, with: running, requests: one(byAlice("q1", nvswitch.OpReconfigureCertificate, true)),
		world:   answers(jobAnswer{err: errRefused}),
		outcome: []string{"error", "connection refused"}, requestz: ends(backend.RequestStarted),
	},
	{
		name:  "a cancelled reconfiguration names the job that may still run",
		state: nvswitch.NewCertificateWait, with: running, requests: one(cancelled(byAlice("q1", nvswitch.OpReconfigureCertificate, true))),
		world: answers(status(backend.JobRunning, "")),
		path:  []nvswitch.State{nvswitch.Error}, trigger: nvswitch.OperationCancelled, cause: []string{"cancelled by bob", "job-7", "may still run"}, requestz: ends(backend.RequestCancelled),
	},
	{
		name:  "a cancelled reconfiguration whose job has completed is finished",
		state: nvswitch.NewCertificateWait, with: running, requests: one(cancelled(byAlice("q1", nvswitch.OpReconfigureCertificate, true))),
		path: []nvswitch.State{nvswitch.Ready}, requestz: done,
	},
	{
		name:  "a reconfiguration that is cancelled before its job was submitted submits none",
		state: nvswitch.NewCertificateStart, requests: one(cancelled(byAlice("q1", nvswitch.OpReconfigureCertificate, true))),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"cancelled by bob"}, requestz: ends(backend.RequestCancelled), calls: []string{},
	},
	{
		name:  "a reconfiguration that nobody asks for ends in Error",
		state: nvswitch.NewCertificateWait, with: running, path: []nvswitch.State{nvswitch.Error}, cause: []string{"not on record", "job-7"}, calls: []string{},
	},
}

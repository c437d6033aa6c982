package nvswitch_test

import (
	"errors"
	"time"

	"github.com/rackstate/rackstate/backend"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func running(s *nvswitch.Switch) { s.Certificate = &nvswitch.CertificateJob{ID: "job-7"} }

func answers(list ...jobAnswer) func(*bench) { return func(b *bench) { b.hw.jobs = list } }

func status(state backend.JobState, cause string) jobAnswer {
	return jobAnswer{status: backend.JobStatus{State: state, Cause: cause}}
}

func without(f func(*backend.Capabilities)) func(*bench) {
	return func(b *bench) {
		caps := b.hw.all()
		f(&caps)
		b.cfg.Driver = caps
	}
}

var (
	errRefused   = errors.New("connection refused")
	noCredential = func(name func(backend.Ref) string) func(*bench) {
		return func(b *bench) { delete(b.creds, name(nvswitch.Ref("s1"))) }
	}
)

var bringUpScenarios = []scenario{
	{
		name:  "a created switch begins to look for its NVOS interfaces",
		state: nvswitch.Created, path: []nvswitch.State{nvswitch.WaitForInterface}, trigger: nvswitch.ControllerStarted,
	},
	{
		name:  "a switch none of whose NVOS interfaces is seen waits and counts them",
		state: nvswitch.WaitForInterface,
		with: func(s *nvswitch.Switch) {
			s.ExpectedMACs, s.SeenMACs = []string{"02:00:00:00:00:01", "02:00:00:00:00:02"}, nil
		},
		outcome: []string{"wait", "0/2 NVOS interfaces associated"}, calls: []string{},
	},
	{
		name:  "one NVOS interface that is seen is enough to go on",
		state: nvswitch.WaitForInterface,
		with: func(s *nvswitch.Switch) {
			s.ExpectedMACs, s.SeenMACs = []string{"02:00:00:00:00:01", "02:00:00:00:00:0a"}, []string{"02:00:00:00:00:0A"}
		},
		path: []nvswitch.State{nvswitch.CertificateStart}, note: []string{"1/2"},
	},
	{
		name:  "an NVOS MAC that belongs to another switch is an Error that names both",
		state: nvswitch.WaitForInterface,
		with:  func(s *nvswitch.Switch) { s.ExpectedMACs = []string{"02:00:00:00:00:22"} },
		world: func(b *bench) {
			b.add("s2", nvswitch.Ready, 0, func(s *nvswitch.Switch) { s.AssociatedMACs = s.SeenMACs })
		},
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"02:00:00:00:00:22", "switch/s2"},
	},
	{
		name:  "a switch that is marked deleted leaves its MACs to its successor",
		state: nvswitch.WaitForInterface,
		with: func(s *nvswitch.Switch) {
			s.ExpectedMACs, s.SeenMACs = []string{"02:00:00:00:00:22"}, []string{"02:00:00:00:00:22"}
		},
		world: func(b *bench) {
			b.add("s2", nvswitch.Deleting, 0, func(s *nvswitch.Switch) { s.AssociatedMACs = s.SeenMACs; markDeleted(s) })
		},
		path: []nvswitch.State{nvswitch.CertificateStart},
	},
	{
		name:  "a switch that no expected switch matches goes to Error",
		state: nvswitch.WaitForInterface,
		with:  func(s *nvswitch.Switch) { s.Endpoint.BMCMAC, s.Expected = "02:00:00:00:0b:01", false },
		path:  []nvswitch.State{nvswitch.Error}, trigger: nvswitch.InitializationFailed, cause: []string{"02:00:00:00:0b:01"},
	},
	{
		name:  "a switch without a BMC MAC goes to Error",
		state: nvswitch.WaitForInterface,
		with:  func(s *nvswitch.Switch) { s.Endpoint.BMCMAC = "" },
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"no BMC MAC"},
	},
	{
		name:  "an expected switch without NVOS MACs goes to Error",
		state: nvswitch.WaitForInterface,
		with:  func(s *nvswitch.Switch) { s.ExpectedMACs = nil },
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"lists no NVOS MACs"},
	},
	{
		name:  "a certificate job is started once and its completion goes on to the password",
		state: nvswitch.CertificateStart, steps: 3,
		world: answers(status(backend.JobRunning, ""), status(backend.JobCompleted, "")),
		path:  []nvswitch.State{nvswitch.CertificateWait, nvswitch.RotateOsPassword}, trigger: nvswitch.CertificateConfigured,
		calls: []string{"ConfigureCertificate s1 r1", "CertificateJob job-1", "CertificateJob job-1"},
	},
	{
		name:  "a driver without certificates skips them in bring-up",
		state: nvswitch.CertificateStart,
		world: func(b *bench) { b.hw.configure = backend.ErrNotSupported },
		path:  []nvswitch.State{nvswitch.RotateOsPassword}, trigger: nvswitch.CertificateSkipped, note: []string{"no certificate capability"},
	},
	{
		name:  "a driver that lacks the certificate capability skips them without a call",
		state: nvswitch.CertificateStart,
		world: without(func(c *backend.Capabilities) { c.Certificates = nil }),
		path:  []nvswitch.State{nvswitch.RotateOsPassword}, note: []string{"no certificate capability"}, calls: []string{},
	},
	{
		name:  "an incomplete NVOS endpoint is named and nothing is submitted",
		state: nvswitch.CertificateStart,
		with:  func(s *nvswitch.Switch) { s.Endpoint.NVOSAddress, s.ExpectedMACs = "", nil },
		world: noCredential(backend.NVOSCredential), outcome: []string{"wait", "NVOS address", "NVOS MAC", "NVOS credential (nvos/switch/s1)"}, calls: []string{},
	},
	{
		name:  "a certificate job that may be submitted later is tried again",
		state: nvswitch.CertificateStart,
		world: func(b *bench) { b.hw.configure = backend.NotDone(errRefused) }, outcome: []string{"error", "connection refused"},
	},
	{
		name:  "a certificate job that is refused for good takes the switch to Error",
		state: nvswitch.CertificateStart,
		world: func(b *bench) { b.hw.configure = backend.Permanent(errors.New("no licence"), "buy one") },
		path:  []nvswitch.State{nvswitch.Error}, trigger: nvswitch.CertificateFailed, cause: []string{"no licence", "buy one"},
	},
	{
		name:  "a driver that returns no job has not started one",
		state: nvswitch.CertificateStart, world: func(b *bench) { b.hw.noJob = true },
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"returned no job"},
	},
	{
		name:  "a certificate job that fails takes the switch to Error with its text",
		state: nvswitch.CertificateWait, with: running, world: answers(status(backend.JobFailed, "cert install failed")),
		path: []nvswitch.State{nvswitch.Error}, trigger: nvswitch.CertificateFailed, cause: []string{"job-7", "cert install failed"},
	},
	{
		name:  "a certificate job that fails without a cause says so",
		state: nvswitch.CertificateWait, with: running, world: answers(status(backend.JobFailed, "")),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"job-7", "gives no cause"},
	},
	{
		name:  "a certificate job that does not end within its half hour takes the switch to Error",
		state: nvswitch.CertificateWait, age: 31 * time.Minute, with: running, world: answers(status(backend.JobRunning, "")),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"timed out after 30m", "running"},
	},
	{
		name:  "a certificate job that cannot be polled does not outlive its deadline",
		state: nvswitch.CertificateWait, age: 31 * time.Minute, with: running, world: answers(jobAnswer{err: errRefused}),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"timed out after 30m", "connection refused"},
	},
	{
		name:  "a certificate job that has completed is not late",
		state: nvswitch.CertificateWait, age: 31 * time.Minute, with: running,
		path: []nvswitch.State{nvswitch.RotateOsPassword},
	},
	{
		name:  "a certificate job of unknown state is a wait",
		state: nvswitch.CertificateWait, with: running, world: answers(status("", "")), outcome: []string{"wait", "job-7", "unknown"},
	},
	{
		name:  "a certificate job that cannot be polled for a moment is polled again",
		state: nvswitch.CertificateWait, with: running, world: answers(jobAnswer{err: errRefused}), outcome: []string{"error", "connection refused"},
	},
	{
		name:  "a certificate job that the driver has forgotten takes the switch to Error",
		state: nvswitch.CertificateWait, with: running, world: answers(jobAnswer{err: backend.ErrNoJob}),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"no such job"},
	},
	{
		name:  "a certificate job that is not on record takes the switch to Error",
		state: nvswitch.CertificateWait,
		path:  []nvswitch.State{nvswitch.Error}, cause: []string{"no job is on record"}, calls: []string{},
	},
	{
		name:  "a driver that has lost its certificate capability fails the job",
		state: nvswitch.CertificateWait, with: running, world: without(func(c *backend.Capabilities) { c.Certificates = nil }),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"no certificate capability"},
	},
	{
		name:  "a stored NVOS credential is enough",
		state: nvswitch.RotateOsPassword, path: []nvswitch.State{nvswitch.FetchInfo}, trigger: nvswitch.PasswordRotated,
	},
	{
		name:  "a missing NVOS credential is waited for by name",
		state: nvswitch.RotateOsPassword, world: noCredential(backend.NVOSCredential), outcome: []string{"wait", "nvos/switch/s1"},
	},
	{
		name:  "a host without a credential store is not asked for one",
		state: nvswitch.RotateOsPassword, world: func(b *bench) { b.cfg.Credentials = nil }, path: []nvswitch.State{nvswitch.FetchInfo},
	},
	{
		name:  "a switch that is no longer expected cannot be configured",
		state: nvswitch.RotateOsPassword, with: func(s *nvswitch.Switch) { s.Expected = false },
		path: []nvswitch.State{nvswitch.Error}, trigger: nvswitch.ConfigurationFailed, cause: []string{"expected"},
	},
	{
		name:  "slot and tray index are stored",
		state: nvswitch.FetchInfo, path: []nvswitch.State{nvswitch.Validation}, note: []string{"slot 12", "tray index 3"},
	},
	{
		name:  "a failed look-up of slot and tray does not hold a switch back",
		state: nvswitch.FetchInfo,
		world: func(b *bench) {
			b.hw.placement = func() (map[backend.Ref]backend.Placement, error) { return nil, errors.New("connection reset") }
		},
		path: []nvswitch.State{nvswitch.Validation}, note: []string{"warning", "connection reset"},
	},
	{
		name:  "a look-up that leaves the switch out is a warning",
		state: nvswitch.FetchInfo,
		world: func(b *bench) {
			b.hw.placement = func() (map[backend.Ref]backend.Placement, error) { return nil, nil }
		},
		path: []nvswitch.State{nvswitch.Validation}, note: []string{"warning", "not in the answer"},
	},
	{
		name:  "a driver without inventory is passed",
		state: nvswitch.FetchInfo, world: without(func(c *backend.Capabilities) { c.Inventory = nil }),
		path: []nvswitch.State{nvswitch.Validation}, note: []string{"no inventory capability"},
	},
	{
		name:  "a check that finds nothing passes",
		state: nvswitch.Validation, path: []nvswitch.State{nvswitch.BomValidation}, calls: []string{"CheckSwitch"},
	},
	{
		name:  "a driver without a switch check is passed",
		state: nvswitch.Validation, world: without(func(c *backend.Capabilities) { c.SwitchCheck = nil }),
		path: []nvswitch.State{nvswitch.BomValidation}, note: []string{"no switch check capability"},
	},
	{
		name:  "a switch check that is not supported is passed",
		state: nvswitch.Validation, world: func(b *bench) { b.hw.check = backend.ErrNotSupported },
		path: []nvswitch.State{nvswitch.BomValidation}, note: []string{"no switch check capability"},
	},
	{
		name:  "a fault that the check reports takes the switch to Error",
		state: nvswitch.Validation, world: func(b *bench) { b.hw.check = backend.Permanent(errors.New("fan 3 is dead"), "replace it") },
		path: []nvswitch.State{nvswitch.Error}, trigger: nvswitch.ValidationFailed, cause: []string{"fan 3 is dead", "replace it"},
	},
	{
		name:  "a check that could not be made is repeated",
		state: nvswitch.Validation, world: func(b *bench) { b.hw.check = errRefused }, outcome: []string{"error", "connection refused"},
	},
	{
		name:  "a switch of the expected part is Ready",
		state: nvswitch.BomValidation, path: []nvswitch.State{nvswitch.Ready}, note: []string{"920-9K36F"},
	},
	{
		name:  "a switch of which no part is expected is Ready with that note",
		state: nvswitch.BomValidation, with: func(s *nvswitch.Switch) { s.ExpectedPart = "" },
		path: []nvswitch.State{nvswitch.Ready}, note: []string{"no part is expected"},
	},
	{
		name:  "a switch of the wrong part goes to Error with the expected and the found part",
		state: nvswitch.BomValidation, with: func(s *nvswitch.Switch) { s.FoundPart = "920-9K36W" },
		path: []nvswitch.State{nvswitch.Error}, trigger: nvswitch.BomMismatch, cause: []string{"920-9K36F", "920-9K36W"},
	},
	{
		name:  "a switch whose part was not found is not taken for the expected one",
		state: nvswitch.BomValidation, with: func(s *nvswitch.Switch) { s.FoundPart = "" },
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"920-9K36F", "no part number was reported"},
	},
	{
		name:  "a complete switch walks from Created to Ready",
		state: nvswitch.Created, steps: 8,
		path: []nvswitch.State{
			nvswitch.WaitForInterface, nvswitch.CertificateStart, nvswitch.CertificateWait, nvswitch.RotateOsPassword,
			nvswitch.FetchInfo, nvswitch.Validation, nvswitch.BomValidation, nvswitch.Ready,
		},
	},
}

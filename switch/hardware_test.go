package nvswitch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// hardware is what the tests drive: every call is noted, and answers as its field says. The zero fields answer well.
type hardware struct {
	calls   []string
	actions []backend.PowerAction
	started map[string]string // certificate jobs by key

	setPower  []error // in order; the last repeats
	configure error
	noJob     bool
	jobs      []jobAnswer // in order; the last repeats
	placement func() (map[backend.Ref]backend.Placement, error)
	check     error
}

type jobAnswer struct {
	status backend.JobStatus
	err    error
}

func newHardware() *hardware { return &hardware{started: map[string]string{}} }

// all is a driver with every capability that a switch uses.
func (h *hardware) all() backend.Capabilities {
	return backend.Capabilities{Power: h, Certificates: h, Inventory: h, SwitchCheck: h}
}

func next[T any](list *[]T) (answer T) {
	if len(*list) == 0 {
		return answer
	}
	answer = (*list)[0]
	if len(*list) > 1 {
		*list = (*list)[1:]
	}
	return answer
}

func (h *hardware) SetPower(_ context.Context, _ string, action backend.PowerAction, devices []backend.Device) error {
	h.calls = append(h.calls, "SetPower "+devices[0].Ref.ID)
	h.actions = append(h.actions, action)
	return next(&h.setPower)
}

func (h *hardware) PowerState(context.Context, []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	h.calls = append(h.calls, "PowerState")
	return nil, nil
}

func (h *hardware) ConfigureCertificate(_ context.Context, key string, device backend.Device, domain string) (string, error) {
	h.calls = append(h.calls, "ConfigureCertificate "+device.Ref.ID+" "+domain)
	if h.configure != nil || h.noJob {
		return "", h.configure
	}
	if h.started[key] == "" {
		h.started[key] = fmt.Sprintf("job-%d", len(h.started)+1)
	}
	return h.started[key], nil
}

func (h *hardware) CertificateJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	h.calls = append(h.calls, "CertificateJob "+job.ID)
	if len(h.jobs) == 0 {
		return backend.JobStatus{State: backend.JobCompleted}, nil
	}
	a := next(&h.jobs)
	return a.status, a.err
}

func (h *hardware) Placement(_ context.Context, devices []backend.Device) (map[backend.Ref]backend.Placement, error) {
	h.calls = append(h.calls, "Placement")
	if h.placement != nil {
		return h.placement()
	}
	return map[backend.Ref]backend.Placement{devices[0].Ref: {Slot: 12, Tray: 3}}, nil
}

func (h *hardware) FirmwareInventory(context.Context, backend.Device) (map[string]string, error) {
	return nil, backend.ErrNotSupported
}

func (h *hardware) CheckSwitch(context.Context, backend.Device) error {
	h.calls = append(h.calls, "CheckSwitch")
	return h.check
}

// credentials is a credential store that knows names only.
type credentials map[string]bool

func (c credentials) Credential(_ context.Context, name string) (backend.Credential, error) {
	if !c[name] {
		return backend.Credential{}, fmt.Errorf("credential %s: %w", name, backend.ErrNotFound)
	}
	return backend.Credential{User: "admin", Password: backend.NewSecret("hunter2")}, nil
}

func (c credentials) PutCredential(_ context.Context, name string, _ backend.Credential) error {
	c[name] = true
	return nil
}

func (c credentials) DeleteCredential(_ context.Context, name string) error {
	delete(c, name)
	return nil
}

// sealed is a credential store that does not answer.
type sealed struct{ credentials }

func (sealed) Credential(context.Context, string) (backend.Credential, error) {
	return backend.Credential{}, errors.New("vault is sealed")
}

// testRack is a rack that stays where the test has put it.
type testRack struct {
	lifecycle.Object
	Cycle string `json:"cycle,omitempty"`
}

func rackKind(t *testing.T) *lifecycle.Kind {
	t.Helper()
	stay := func(context.Context, *testRack, *lifecycle.Env) (lifecycle.Outcome, error) {
		return lifecycle.Nothing(), nil
	}
	kind, err := lifecycle.Define(lifecycle.Definition[testRack, string, string]{
		Kind: backend.KindRack,
		Table: lifecycle.Table[string, string]{
			{From: "", On: "Created", To: "Created"},
			{From: "Created", On: "Completed", To: "Ready"},
			{From: "Ready", On: "Requested", To: "Maintenance"},
			{From: "Maintenance", On: "Failed", To: "Error"},
			{From: lifecycle.Any, On: "Deleted", To: "Deleting"},
			{From: "Deleting", On: "Removed", To: ""},
		},
		States: []lifecycle.StateInfo[string]{
			{State: "Created", Class: lifecycle.Resting},
			{State: "Ready", Class: lifecycle.Resting},
			{State: "Maintenance", Class: lifecycle.Resting},
			{State: "Error", Class: lifecycle.Failed},
			{State: "Deleting", Class: lifecycle.Deleting},
		},
		Handlers: map[string]lifecycle.Handler[testRack]{"Created": stay, "Ready": stay, "Maintenance": stay, "Error": stay, "Deleting": stay},
		Clone: func(r *testRack) *testRack {
			c := *r
			c.Object = r.Clone()
			return &c
		},
		OnDeleted: "Deleted",
		Cycle:     func(r *testRack) string { return r.Cycle },
	})
	require.NoError(t, err)
	return kind
}

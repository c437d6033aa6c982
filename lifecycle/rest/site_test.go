package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/rack"
)

const sitePassword = "factory-default-9913"

// smallSite is a site of racks with three compute trays, a switch and a power shelf each.
func smallSite(racks int) *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{"MINI": {
		ID: "MINI", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_mini_topology",
		Compute: rack.Capability{Count: 3}, Switch: rack.Capability{Count: 1}, PowerShelf: rack.Capability{Count: 1},
	}}}
	for r := 1; r <= racks; r++ {
		id := fmt.Sprintf("R%02d", r)
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: id, ProfileID: "MINI", Labels: map[string]string{"location.room": "hall-1"}})
		device := func(name string, slot int) rack.ExpectedDevice {
			mac := fmt.Sprintf("02:00:00:00:%02X:%02X", r, slot)
			return rack.ExpectedDevice{
				ID: id + "-" + name, Name: id + "-" + name, RackID: id, BMCMAC: mac, Slot: slot, Labels: map[string]string{"slot": fmt.Sprint(slot)},
				BMC: backend.Credential{User: "root", Password: backend.NewSecret(sitePassword)},
			}
		}
		for i := 1; i <= 3; i++ {
			site.Machines = append(site.Machines, rack.ExpectedMachine{ExpectedDevice: device(fmt.Sprintf("compute-%d", i), i)})
		}
		site.Switches = append(site.Switches, rack.ExpectedSwitch{
			ExpectedDevice: device("switch-1", 4), NVOSMACs: []string{fmt.Sprintf("02:00:00:01:%02X:04", r)},
			NVOS: backend.Credential{User: "admin", Password: backend.NewSecret(sitePassword)},
		})
		site.PowerShelves = append(site.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: device("shelf-1", 5)})
	}
	return site
}

// rackPlanner wires the plans of a rack manager to the API, as a host does.
type rackPlanner struct{ racks func() *rack.Manager }

func (p rackPlanner) Plan(ctx context.Context, on backend.Ref, typ string, params json.RawMessage) (*rest.Plan, error) {
	if on.Kind != backend.KindRack || typ != lifecycle.TypeMaintenance {
		return nil, rest.ErrNoPlan
	}
	var m rack.Maintenance
	if len(params) > 0 {
		if err := json.Unmarshal(params, &m); err != nil {
			return nil, &lifecycle.RejectedError{Ref: on, Type: typ, Err: err}
		}
	}
	plan, err := p.racks().Plan(ctx, rack.MaintenanceRequest{Rack: on.ID, Scope: m.Scope, DisturbTenants: m.DisturbTenants})
	if err != nil {
		return nil, err
	}
	out := &rest.Plan{Refused: plan.Refused, Blocked: plan.Blocked}
	for _, a := range plan.Activities {
		step := rest.PlanStep{Name: string(a.Name), Does: a.Installs, Skip: a.Skip, Fails: a.Fails, UsualSeconds: a.Usual.Seconds()}
		for _, d := range a.Devices {
			step.Devices = append(step.Devices, d.String())
		}
		for _, l := range a.LeftOut {
			step.LeftOut = append(step.LeftOut, rest.LeftOut{Device: l.Target.String(), Reason: l.Error})
		}
		out.Steps = append(out.Steps, step)
	}
	return out, nil
}

// siteRig is a rig over real kinds and simulated hardware.
type siteRig struct {
	*rig
	sim *sitesim.Simulation
}

func newSiteRig(t *testing.T, racks int, change ...func(*rest.Config)) *siteRig {
	t.Helper()
	s := &siteRig{rig: &rig{T: t, store: memory.New(), log: &safeBuffer{}}}
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	feed := rest.NewFeed(nil)
	var err error
	s.sim, err = sitesim.New(t.Context(), sitesim.Config{
		Site: smallSite(racks), Store: s.store, Seed: 1,
		Rack: rack.Config{Lifecycle: lifecycle.Config{Observer: feed, Logger: logger}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.sim.Close() })
	s.ctl = s.sim.Manager().Controller()
	cfg := rest.Config{
		Authorizer: tokens(t), Feed: feed, Logger: logger, Planner: rackPlanner{racks: s.sim.Manager},
		Params: []rest.Params{{Kind: backend.KindRack, Type: lifecycle.TypeMaintenance, Value: rack.Maintenance{}}},
	}
	for _, c := range change {
		c(&cfg)
	}
	s.h, err = rest.New(s.ctl, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.h.Close()
		s.noSecretIn("the log", s.log.String())
	})
	s.doc = parseDocument(t, s.h.Document())
	return s
}

func TestRealKindsAreServedWithoutKnowingThem(t *testing.T) {
	t.Parallel()
	s := newSiteRig(t, 2)
	require.NoError(t, s.sim.RunUntil(t.Context(), s.sim.AllReady, 48*time.Hour))

	all := pages(s.rig, "/v1/objects?limit=4", objectParts, nil)
	assert.Len(t, all, 2*6)
	for _, o := range all {
		assert.Equal(t, "Ready", o.State, o.Ref)
		full := s.call(http.MethodGet, "/v1/objects/"+o.Ref, readToken, "")
		assert.NotContains(t, string(full.Body), sitePassword)
		get[rest.Explanation](s.rig, "/v1/objects/"+o.Ref+"/explain")
		rows := pages(s.rig, "/v1/objects/"+o.Ref+"/history?limit=3", rowParts, nil)
		for i, row := range rows[1:] {
			assert.Equal(t, rows[i].To, row.From, "an unbroken chain")
		}
	}
	for _, kind := range get[struct {
		Kinds []rest.KindDoc `json:"kinds"`
	}](s.rig, "/v1/kinds").Kinds {
		diagram := s.call(http.MethodGet, "/v1/kinds/"+kind.Name+"/diagram", readToken, "")
		assert.True(t, strings.HasPrefix(string(diagram.Body), "stateDiagram-v2\n"), kind.Name)
	}

	const post = "/v1/objects/rack/R01/requests"
	a := s.call(http.MethodPost, post+"?plan=true", writeToken, `{"type":"maintenance","params":{"scope":{"activities":[{"name":"PowerSequence"}]}}}`)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	var p rest.Posted
	a.into(t, &p)
	require.NotNil(t, p.Plan)
	assert.Empty(t, p.Plan.Refused)
	require.NotEmpty(t, p.Plan.Steps)
	assert.Equal(t, "PowerSequence", p.Plan.Steps[0].Name)
	assert.Len(t, p.Plan.Steps[0].Devices, 5)

	// A typing error in the scope would mean the whole rack.
	a = s.call(http.MethodPost, post, writeToken, `{"type":"maintenance","params":{"scoop":{"machines":["R01-compute-1"]}}}`)
	assert.Equal(t, http.StatusUnprocessableEntity, a.Status, "%s", a.Body)
	a = s.call(http.MethodPost, post, writeToken, `{"type":"maintenance","params":{"scope":{"machines":["nobody"],"activities":[{"name":"Polish"}]}}}`)
	require.Equal(t, http.StatusConflict, a.Status, "%s", a.Body)
	assert.GreaterOrEqual(t, len(a.problem(t).Reasons), 2, "all reasons: %s", a.Body)
	a = s.call(http.MethodPost, post, writeToken, `{"type":"maintenance","params":{"scope":{"activities":[{"name":"PowerSequence"}]}}}`, "Idempotency-Key", "m1")
	require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
	where := a.Header.Get("Location")
	require.NoError(t, s.sim.RunUntil(t.Context(), func() bool {
		return s.sim.AllReady() && get[rest.Request](s.rig, where).State != "started" && get[rest.Request](s.rig, where).State != "pending"
	}, 48*time.Hour))
	q := get[rest.Request](s.rig, where)
	assert.Equal(t, "finished", q.State, "%s", q.Reason)
	assert.NotEmpty(t, q.Results)
}

package machine

import (
	"context"
	"errors"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// handler makes the passes over machines.
type handler struct {
	cfg  Config
	caps backend.Capabilities
}

// handle is the handler of one state.
type handle = lifecycle.Handler[Machine]

// all lists the states that this version works in. The others have no handler: the engine reports that.
func (h *handler) all() map[State]handle {
	handlers := map[State]handle{
		Created:                                 h.created,
		HostInitWaitingForPlatformConfiguration: h.configuring(PlatformConfigured, backend.PlatformLockdownDisable, backend.PlatformIPMIOverLAN, backend.PlatformBIOSProfile),
		HostInitSetBootOrder:                    h.configuring(BootOrderSet, backend.PlatformBootOrder),
		HostInitMeasuring:                       h.measuring,
		HostInitWaitingForDiscovery:             h.waitingForDiscovery,
		HostInitUefiSetup:                       h.configuring(UefiPasswordSet, backend.PlatformUEFIPassword),
		HostInitWaitingForLockdown:              h.lockingDown,
		HostInitDiscovered:                      h.discovered,

		BomValidatingMatchingSku:             h.verifying(h.matchingSku),
		BomValidatingUpdatingInventory:       h.verifying(h.updatingInventory),
		BomValidatingVerifyingSku:            h.verifying(h.verifyingSku),
		BomValidatingSkuVerificationFailed:   h.verifying(h.skuVerificationFailed),
		BomValidatingWaitingForSkuAssignment: h.verifying(h.waitingForSkuAssignment),
		BomValidatingSkuMissing:              h.verifying(h.skuMissing),

		ValidationRebootHost:        h.validating(h.rebootingHost),
		ValidationMachineValidating: h.validating(h.machineValidating),

		Ready:                h.ready,
		AssignedProvisioning: h.provisioning,
		AssignedReady:        h.assignedReady,
		AssignedFailed:       h.failed,
		Failed:               h.failed,
		Deleting:             h.deleting,
		ForceDeletion:        h.forceDeletion,
	}
	for _, in := range []func(State) State{inPool, inTenancy} {
		handlers[in(HostReprovisionCheckingFirmware)] = h.reprovisioning(h.checkingFirmware)
		handlers[in(HostReprovisionCheckingFirmwareRepeat)] = h.reprovisioning(h.checkingFirmware)
		handlers[in(HostReprovisionWaitingForManualUpgrade)] = h.reprovisioning(h.waitingForReport("the report of who installs it by hand", h.cfg.ManualDeadline))
		handlers[in(HostReprovisionWaitingForScript)] = h.reprovisioning(h.waitingForReport("the report of the script that installs it", h.cfg.ScriptDeadline))
		handlers[in(HostReprovisionWaitingForRackFirmwareUpgrade)] = h.waitingForRack
		handlers[in(HostReprovisionFailedFirmwareUpgrade)] = h.failedFirmwareUpgrade
	}
	return handlers
}

// stopped returns an error when the process stops: what the driver said then means nothing.
func stopped(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return nil
}

// permanent reports whether asking again cannot help.
func permanent(err error) bool { return errors.Is(backend.Classify(err), backend.ErrPermanent) }

// unsupported reports whether the hardware has no such function.
func unsupported(err error) bool { return errors.Is(err, backend.ErrNotSupported) }

// errNoRestart says that nothing can restart the host.
var errNoRestart = errors.New("the driver can neither reset the host nor switch its power")

// restartHost restarts the host, by whatever the driver has for it.
func (h *handler) restartHost(ctx context.Context, key string, m *Machine) error {
	if h.caps.Reset != nil {
		if err := h.caps.Reset.ResetHost(ctx, key, m.Device()); !unsupported(err) {
			return err
		}
	}
	if h.caps.Power != nil {
		if err := h.caps.Power.SetPower(ctx, key, backend.ActionReset, []backend.Device{m.Device()}); !unsupported(err) {
			return err
		}
	}
	return errNoRestart
}

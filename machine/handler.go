package machine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// handler makes the passes over machines.
type handler struct {
	cfg  Config
	caps backend.Capabilities
	// uploads shares out the slots of the site.
	uploads uploads
}

// handle is the handler of one state.
type handle = lifecycle.Handler[Machine]

// all has a handler for every state.
func (h *handler) all() map[State]handle {
	handlers := map[State]handle{
		Created:                                 h.created,
		HostInitWaitingForPlatformConfiguration: h.configuring(PlatformConfigured, backend.PlatformLockdownDisable, backend.PlatformIPMIOverLAN, backend.PlatformBIOSProfile),
		HostInitSetBootOrder:                    h.configuring(BootOrderSet, backend.PlatformBootOrder),
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

		Ready:          h.ready,
		AssignedFailed: h.failed,
		Failed:         h.failed,
		Deleting:       h.deleting,
		ForceDeletion:  h.forceDeletion,
	}
	for _, in := range []func(State) State{inPool, inTenancy} {
		handlers[in(HostReprovisionCheckingFirmware)] = h.reprovisioning(h.checkingFirmware)
		handlers[in(HostReprovisionCheckingFirmwareRepeat)] = h.reprovisioning(h.checkingFirmware)
		handlers[in(HostReprovisionWaitingForManualUpgrade)] = h.reprovisioning(h.waitingForReport("the report of who installs it by hand", h.cfg.ManualDeadline))
		handlers[in(HostReprovisionWaitingForScript)] = h.reprovisioning(h.waitingForReport("the report of the script that installs it", h.cfg.ScriptDeadline))
		handlers[in(HostReprovisionWaitingForRackFirmwareUpgrade)] = h.waitingForRack
		handlers[in(HostReprovisionFailedFirmwareUpgrade)] = h.failedFirmwareUpgrade
		maps.Copy(handlers, h.upgradeHandlers(in))
	}
	for _, more := range []map[State]handle{h.tenantHandlers(), h.attestationHandlers(), h.cleanupHandlers(), h.dpuHandlers()} {
		maps.Copy(handlers, more)
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

// restartHost restarts the host, by whatever the driver has for it. A host without power is switched on: a restart would do nothing there and be noted as done.
func (h *handler) restartHost(ctx context.Context, key string, m *Machine) error {
	off, err := h.poweredOff(ctx, m)
	switch {
	case err != nil:
		return fmt.Errorf("read the power of the host: %w", err)
	case off:
		return h.caps.Power.SetPower(ctx, variant(key, "On"), backend.ActionPowerOn, []backend.Device{m.Device()})
	}
	if h.caps.Reset != nil {
		if err := h.caps.Reset.ResetHost(ctx, key, m.Device()); !unsupported(err) {
			return err
		}
	}
	if h.caps.Power != nil {
		if err := h.caps.Power.SetPower(ctx, variant(key, "Cycle"), backend.ActionReset, []backend.Device{m.Device()}); !unsupported(err) {
			return err
		}
	}
	return errNoRestart
}

// variant is the key of another call for the same purpose: a key stands for one call, and which one it takes may have changed when a pass is repeated.
func variant(key, call string) string {
	at := strings.LastIndexByte(key, '/') // before the attempt
	return key[:at] + ":" + call + key[at:]
}

// poweredOff reports whether the host is known to have no power.
func (h *handler) poweredOff(ctx context.Context, m *Machine) (bool, error) {
	if h.caps.Power == nil {
		return false, nil
	}
	found, err := h.caps.Power.PowerState(ctx, []backend.Device{m.Device()})
	if unsupported(err) {
		return false, nil
	}
	return found[m.Ref()] == backend.PowerOff, err
}

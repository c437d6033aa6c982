package nvswitch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func (h *handler) created(context.Context, *Switch, *lifecycle.Env) (lifecycle.Outcome, error) {
	return lifecycle.Fire(ControllerStarted), nil
}

// fail takes the switch to Error by the trigger, with the cause on record.
func fail(s *Switch, trigger Trigger, cause string) (lifecycle.Outcome, error) {
	s.Cause = cause
	return lifecycle.FireTo(trigger, Error).Because(cause), nil
}

// initializing associates the expected interfaces that are seen. One is enough: the others of a switch may be unplugged.
func (h *handler) initializing(_ context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if err := expectation(s); err != nil {
		return fail(s, InitializationFailed, err.Error())
	}
	if len(s.ExpectedMACs) == 0 {
		return fail(s, InitializationFailed, fmt.Sprintf("the expected switch of BMC MAC %s lists no NVOS MACs", s.Endpoint.BMCMAC))
	}
	var taken *multierror.Error
	for _, mac := range s.ExpectedMACs {
		for _, other := range env.Named(InterfaceName(mac)) {
			if other != s.Ref() {
				taken = multierror.Append(taken, fmt.Errorf("NVOS MAC %s belongs to %s already", mac, other))
			}
		}
	}
	if taken != nil {
		return fail(s, InitializationFailed, list(taken.Errors))
	}
	seen := associated(s.ExpectedMACs, s.SeenMACs)
	counted := fmt.Sprintf("%d/%d NVOS interfaces associated", len(seen), len(s.ExpectedMACs))
	if len(seen) == 0 {
		return lifecycle.Wait("an NVOS interface on the network", counted, 0), nil
	}
	s.AssociatedMACs = seen
	return lifecycle.Fire(InterfacesAssociated).Because(counted), nil
}

// expectation says why the switch cannot be told apart from a stranger.
func expectation(s *Switch) error {
	switch {
	case s.Endpoint.BMCMAC == "":
		return errors.New("the switch has no BMC MAC")
	case !s.Expected:
		return fmt.Errorf("no switch with BMC MAC %s is expected", s.Endpoint.BMCMAC)
	default:
		return nil
	}
}

// associated lists the expected MACs that are seen, in the order in which they are expected.
func associated(expected, seen []string) []string {
	var out []string
	for _, mac := range normalMACs(expected) {
		if slices.ContainsFunc(seen, func(m string) bool { return normalMAC(m) == mac }) {
			out = append(out, mac)
		}
	}
	return out
}

// rotateOsPassword passes when the credential of the switch OS is stored. It enters the store when the host reports the device.
func (h *handler) rotateOsPassword(ctx context.Context, s *Switch, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	if err := expectation(s); err != nil {
		return fail(s, ConfigurationFailed, err.Error())
	}
	name := backend.NVOSCredential(s.Ref())
	switch stored, err := hasCredential(ctx, h.cfg.Credentials, name); {
	case err != nil:
		return lifecycle.Outcome{}, err
	case !stored:
		return lifecycle.Wait("the credential of the switch OS in the credential store", name+" is missing; report the switch again with its credential", h.cfg.PollInterval), nil
	}
	return lifecycle.Fire(PasswordRotated).Because("credential " + name + " is stored"), nil
}

// fetchInfo reads where the switch sits. A failure is a warning: the rack reads it again before it needs it.
func (h *handler) fetchInfo(ctx context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	out := lifecycle.Fire(InfoFetched)
	place, err := h.placement(ctx, s)
	if errors.Is(err, backend.ErrNotSupported) {
		return out.Because("no inventory capability: passed"), nil
	}
	if err != nil {
		env.Log().LogAttrs(ctx, slog.LevelWarn, "slot and tray cannot be read", slog.String("object", s.Ref().String()), slog.Any("error", err))
		return out.Because("warning: slot and tray index are not known: " + err.Error()), nil
	}
	s.Slot, s.Tray, s.TrayKnown = place.Slot, place.Tray, true
	return out.Because(fmt.Sprintf("slot %d, tray index %d", place.Slot, place.Tray)), nil
}

func (h *handler) placement(ctx context.Context, s *Switch) (backend.Placement, error) {
	if h.caps.Inventory == nil {
		return backend.Placement{}, backend.ErrNotSupported
	}
	found, err := h.caps.Inventory.Placement(ctx, []backend.Device{s.Device()})
	if err != nil {
		return backend.Placement{}, err
	}
	place, ok := found[s.Ref()]
	if !ok {
		return backend.Placement{}, errors.New("the switch is not in the answer")
	}
	return place, nil
}

// validating asks the driver whether the switch is fit. Only a permanent failure is a fault of the switch; a check that could not be made is repeated.
func (h *handler) validating(ctx context.Context, s *Switch, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	passed := lifecycle.Fire(ValidationPassed)
	if h.caps.SwitchCheck == nil {
		return passed.Because("no switch check capability: passed"), nil
	}
	switch err := h.caps.SwitchCheck.CheckSwitch(ctx, s.Device()); {
	case err == nil:
		return passed, nil
	case errors.Is(err, backend.ErrNotSupported):
		return passed.Because("no switch check capability: passed"), nil
	case !retryable(err):
		return fail(s, ValidationFailed, "the check of the switch reports a fault: "+err.Error())
	default:
		return lifecycle.Outcome{}, fmt.Errorf("check of the switch: %w", err)
	}
}

// bomValidating compares the parts. An expectation that nothing was found for is not met.
func (h *handler) bomValidating(_ context.Context, s *Switch, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	switch {
	case s.ExpectedPart == "":
		s.Cause = ""
		return lifecycle.Fire(BomValidated).Because("no part is expected: passed"), nil
	case s.FoundPart == "":
		return fail(s, BomMismatch, fmt.Sprintf("expected part %s, and no part number was reported", s.ExpectedPart))
	case !strings.EqualFold(s.ExpectedPart, s.FoundPart):
		return fail(s, BomMismatch, fmt.Sprintf("expected part %s, found part %s", s.ExpectedPart, s.FoundPart))
	}
	s.Cause = ""
	return lifecycle.Fire(BomValidated).Because("part " + s.FoundPart), nil
}

// list puts errors on one line, as it goes into a cause.
func list(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

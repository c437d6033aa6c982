package machine

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// UpgradeReport is what a person or a script says about the firmware that they were to install.
type UpgradeReport struct {
	// By says who reports.
	By string `json:"by,omitempty"`
	// Error says what went wrong. Empty: it is installed.
	Error string `json:"error,omitempty"`
}

// ReportUpgrade reports that the firmware which a machine waits for is installed, or could not be. The error wraps backend.ErrNotFound, or
// lifecycle.ErrNotPermitted when the machine does not wait for a report.
func ReportUpgrade(tx *lifecycle.Tx, on backend.Ref, report UpgradeReport) error {
	m, err := lifecycle.Edit[Machine](tx, on)
	if err != nil {
		return fmt.Errorf("report an upgrade: %w", err)
	}
	switch poolState(State(m.State())) {
	case HostReprovisionWaitingForManualUpgrade, HostReprovisionWaitingForScript:
	default:
		return fmt.Errorf("report an upgrade of %s: it is in %s and waits for no report: %w", on, m.State(), lifecycle.ErrNotPermitted)
	}
	if m.Reprovision == nil {
		m.Reprovision = &Reprovision{}
	}
	m.Reprovision.Report = &report
	return nil
}

// waitingForReport makes the handler of a state in which somebody else installs the firmware. The next check shows whether it is there.
func (h *handler) waitingForReport(expects string, deadline time.Duration) handle {
	return func(_ context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if m.Reprovision != nil && m.Reprovision.Report != nil {
			report := *m.Reprovision.Report
			m.Reprovision.Report = nil
			if report.Error != "" {
				return h.upgradeFailed(m, env, UpgradeFailed, fmt.Sprintf("reported by %s: %s", report.By, report.Error))
			}
			return lifecycle.Fire(UpgradeReported).By(report.By), nil
		}
		if m.ElapsedInState(env.Now()) >= deadline {
			return h.upgradeFailed(m, env, UpgradeFailed, fmt.Sprintf("no report within %s", deadline))
		}
		observed := "none has come"
		if f, outdated := firstOutdated(h.cfg.Firmware, m.Firmware); outdated {
			observed = fmt.Sprintf("%s is %q, wanted is %q", f.Component, m.Firmware[f.Component], f.Version)
		}
		return lifecycle.Wait(expects, observed, deadline-m.ElapsedInState(env.Now())), nil
	}
}

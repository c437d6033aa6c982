package machine

import "strings"

// Image is what a host gets when it boots from the network. The strings are public and must not change.
type Image string

// The images.
const (
	// ImageNone: nothing; the host goes on to its next boot device.
	ImageNone Image = ""
	// ImageAgent: the site's image, in which the agent discovers, measures, tests and erases.
	ImageAgent Image = "agent"
	// ImageTenant: what the tenant of the machine wants to run.
	ImageTenant Image = "tenant"
)

// BootImage says what a machine boots from the network in its state. A boot server of the host application asks it at every boot, so that a host that is restarted in the
// middle of anything comes up with its agent. A tenant's image is for the machine that its tenant uses, also while its firmware is brought up to date: nothing of
// that needs the agent, and a restart for new firmware gives the tenant back what ran before.
func BootImage(m *Machine) Image {
	s := State(m.State())
	if s == AssignedFailed {
		s = m.ReturnTo // what it failed in
	}
	switch {
	case s == AssignedReady, strings.HasPrefix(string(s), string(AssignedHostReprovision)+"/"):
		return ImageTenant
	case m.State() == "", s == Deleting, s == ForceDeletion:
		return ImageNone
	default:
		return ImageAgent
	}
}

package backend

import "context"

// CleanupStep is one thing that is erased in a host after a tenant. The strings are stored and must not change.
type CleanupStep string

// The steps that the module knows. A site may have more.
const (
	CleanupNVMe       CleanupStep = "nvme"
	CleanupHDD        CleanupStep = "hdd"
	CleanupMemory     CleanupStep = "memory"
	CleanupTPM        CleanupStep = "tpm"
	CleanupInfiniBand CleanupStep = "infiniband"
)

// CleanupResult is what became of one step.
type CleanupResult struct {
	// Done says that it was erased, or that the host has nothing of the sort; Detail says which, for people.
	Done   bool
	Detail string
}

// CleanupStatus is what a look at a clean-up found.
type CleanupStatus struct {
	JobStatus
	// Results are what became of each step. A step without a result was not done, whatever the state of the job says.
	Results map[CleanupStep]CleanupResult
}

// Cleanup erases what a tenant left in a host, by the agent that runs there.
type Cleanup interface {
	// StartCleanup begins the steps and returns the job's id. The agent takes it up when the host has come up.
	StartCleanup(ctx context.Context, key string, device Device, steps []CleanupStep) (string, error)
	// CleanupJob polls a clean-up.
	CleanupJob(ctx context.Context, job Job) (CleanupStatus, error)
}

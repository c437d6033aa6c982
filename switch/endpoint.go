package nvswitch

import (
	"context"
	"errors"
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// NVOSGaps lists what is missing before the operating system of the switch can be worked on: its address, the MACs of its interfaces, its credential. It
// lists nothing when all is there. With a nil store the credential is not asked for. The error is that of the store.
func (s *Switch) NVOSGaps(ctx context.Context, credentials backend.CredentialStore) ([]string, error) {
	var gaps []string
	if s.Endpoint.NVOSAddress == "" {
		gaps = append(gaps, "NVOS address")
	}
	if len(s.ExpectedMACs) == 0 && len(s.AssociatedMACs) == 0 {
		gaps = append(gaps, "NVOS MAC")
	}
	return credentialGap(ctx, credentials, gaps, "NVOS credential", backend.NVOSCredential(s.Ref()))
}

// bmcGaps lists what is missing before the management controller of the switch can be asked for something.
func (s *Switch) bmcGaps(ctx context.Context, credentials backend.CredentialStore) ([]string, error) {
	var gaps []string
	if s.Endpoint.BMCAddress == "" {
		gaps = append(gaps, "BMC address")
	}
	return credentialGap(ctx, credentials, gaps, "BMC credential", backend.BMCCredential(s.Ref()))
}

func credentialGap(ctx context.Context, credentials backend.CredentialStore, gaps []string, what, name string) ([]string, error) {
	switch stored, err := hasCredential(ctx, credentials, name); {
	case err != nil:
		return gaps, err
	case !stored:
		gaps = append(gaps, what+" ("+name+")")
	}
	return gaps, nil
}

func hasCredential(ctx context.Context, credentials backend.CredentialStore, name string) (bool, error) {
	if credentials == nil {
		return true, nil
	}
	_, err := credentials.Credential(ctx, name)
	switch {
	case errors.Is(err, backend.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for credential %s: %w", name, err)
	default:
		return true, nil
	}
}

package sitesim

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/rack"
)

// credentials keeps what the site knows. A process that starts again must find the credentials of devices that it knows already, which nobody
// reports a second time.
func credentials(ctx context.Context, site *rack.Site) (backend.CredentialStore, error) {
	store := &fake.Credentials{}
	put := func(name string, c backend.Credential) error {
		if c.Password.IsZero() {
			return nil
		}
		return store.PutCredential(ctx, name, c)
	}
	device := func(kind backend.Kind, d rack.ExpectedDevice) error {
		return put(backend.BMCCredential(backend.Ref{Kind: kind, ID: d.ID}), d.BMC)
	}
	for _, m := range site.Machines {
		if err := device(backend.KindMachine, m.ExpectedDevice); err != nil {
			return nil, err
		}
	}
	for _, p := range site.PowerShelves {
		if err := device(backend.KindPowerShelf, p.ExpectedDevice); err != nil {
			return nil, err
		}
	}
	for _, sw := range site.Switches {
		if err := device(backend.KindSwitch, sw.ExpectedDevice); err != nil {
			return nil, err
		}
		if err := put(backend.NVOSCredential(backend.Ref{Kind: backend.KindSwitch, ID: sw.ID}), sw.NVOS); err != nil {
			return nil, err
		}
	}
	return store, nil
}

package fake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

func TestEveryDeviceOfARackHasItsOwnNameAddressAndSlot(t *testing.T) {
	t.Parallel()
	devices := append(fake.Rack("A12", fake.NVL72()), fake.Rack("A13", fake.NVL72())...)
	require.Len(t, devices, 70)
	names, macs, serials, slots := map[backend.Ref]bool{}, map[string]bool{}, map[string]bool{}, map[string]map[int]bool{"A12": {}, "A13": {}}
	for _, dev := range devices {
		names[dev.Ref], macs[dev.Endpoint.BMCMAC], serials[dev.Endpoint.Serial], slots[dev.Rack][dev.Endpoint.Slot] = true, true, true, true
		assert.Equal(t, dev.Ref.Kind == backend.KindSwitch, dev.Endpoint.NVOSAddress != "")
		require.NoError(t, backend.CheckID(dev.Ref.ID))
	}
	assert.Len(t, names, 70)
	assert.Len(t, macs, 70)
	assert.Len(t, serials, 70)
	assert.Len(t, slots["A12"], 35)
	assert.Equal(t, devices[:35], fake.Rack("A12", fake.NVL72()))
	assert.Equal(t, "machine/A12-compute-18", devices[17].Ref.String())
	assert.Equal(t, 27, devices[17].Endpoint.Slot)
	assert.Equal(t, 11, devices[18].Endpoint.Slot)
}

package rack

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// only makes activities without parameters.
func only(names ...ActivityName) []Activity {
	out := make([]Activity, len(names))
	for i, n := range names {
		out[i] = Activity{Name: n}
	}
	return out
}

func TestAScopeNamesTheDevicesThatItIsAbout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope Scope
		in    []string
	}{
		"no list is the whole rack":                  {scope: Scope{}, in: []string{"m1", "m2", "s1", "p1"}},
		"activities alone leave it the whole rack":   {scope: FullRack(only(PowerSequence)...), in: []string{"m1", "m2", "s1", "p1"}},
		"a kind without a list is left alone":        {scope: Scope{Machines: []string{"m1"}}, in: []string{"m1"}},
		"the same id of another kind is another one": {scope: Scope{Switches: []string{"m1", "s1"}}, in: []string{"s1"}},
		"lists of several kinds add up":              {scope: Scope{Machines: []string{"m2"}, PowerShelves: []string{"p1"}}, in: []string{"m2", "p1"}},
		"a list that is there and empty has nothing": {scope: Scope{Machines: []string{}}, in: nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var in []string
			for _, id := range []string{"m1", "m2", "s1", "p1"} {
				if c.scope.has(deviceRef(id)) {
					in = append(in, id)
				}
			}
			assert.Equal(t, c.in, in)
			assert.False(t, Scope{Machines: []string{"r1"}}.has(r1), "a rack is no device")
		})
	}
}

func TestActivitiesComeInTheOrderOfTheDesignHoweverTheyAreListed(t *testing.T) {
	t.Parallel()
	const power = PowerSequence
	for name, c := range map[string]struct {
		activities []Activity
		want       []State // the entry, and what follows each activity
	}{
		"none listed is all four":     {nil, []State{FirmwareStart, NVOSStart, ClusterStart, PoweringOff, Completed}},
		"all four, backwards":         {only(power, ConfigureNmxCluster, NvosUpdate, FirmwareUpgrade), []State{FirmwareStart, NVOSStart, ClusterStart, PoweringOff, Completed}},
		"power follows firmware":      {only(power, FirmwareUpgrade), []State{FirmwareStart, PoweringOff, Completed}},
		"the image alone":             {only(NvosUpdate), []State{NVOSStart, Completed}},
		"the fabric is the last":      {only(ConfigureNmxCluster, FirmwareUpgrade), []State{FirmwareStart, ClusterStart, Completed}},
		"power on begins with on":     {[]Activity{{Name: power, Power: SequenceOn}}, []State{PoweringOn, Completed}},
		"power off begins with off":   {[]Activity{{Name: power, Power: SequenceOff}}, []State{PoweringOff, Completed}},
		"a reset begins with off":     {[]Activity{{Name: power, Power: SequenceReset}}, []State{PoweringOff, Completed}},
		"the image and then power on": {[]Activity{{Name: power, Power: SequenceOn}, {Name: NvosUpdate}}, []State{NVOSStart, PoweringOn, Completed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scope := FullRack(c.activities...)
			first, ok := scope.next("")
			require.True(t, ok)
			got := []State{first.entry()}
			for _, a := range activityOrder {
				if _, asked := scope.activity(a); asked {
					got = append(got, scope.after(a))
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAnActivityKeepsItsParameters(t *testing.T) {
	t.Parallel()
	scope := FullRack(Activity{Name: FirmwareUpgrade, Firmware: "fw-2", Components: []string{"BMC"}, Force: true}, Activity{Name: PowerSequence, Power: SequenceOn})
	a, ok := scope.next("")
	require.True(t, ok)
	assert.Equal(t, scope.Activities[0], a)
	a, ok = scope.next(FirmwareUpgrade)
	require.True(t, ok)
	assert.Equal(t, SequenceOn, a.mode())
	_, ok = scope.next(PowerSequence)
	assert.False(t, ok, "nothing follows the last one")
}

func TestAClonedScopeSharesNothing(t *testing.T) {
	t.Parallel()
	scope := Scope{Machines: []string{"m1"}, Switches: []string{"s1"}, PowerShelves: []string{"p1"}, Activities: []Activity{{Name: FirmwareUpgrade, Components: []string{"BMC"}}}}
	c := scope.clone()
	c.Machines[0], c.Switches[0], c.PowerShelves[0], c.Activities[0].Name, c.Activities[0].Components[0] = "x", "x", "x", "x", "x"
	assert.Equal(t, Scope{Machines: []string{"m1"}, Switches: []string{"s1"}, PowerShelves: []string{"p1"}, Activities: []Activity{{Name: FirmwareUpgrade, Components: []string{"BMC"}}}}, scope)
	assert.True(t, FullRack().clone().whole(), "no list stays no list")
}

func TestActivitiesAreCheckedBeforeTheyAreAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		activities []Activity
		problems   [][]string // one for each problem: the words in it
	}{
		"none is fine":                 {nil, nil},
		"each with its own is fine":    {[]Activity{{Name: FirmwareUpgrade, Firmware: "f", Components: []string{"BMC"}, Force: true}, {Name: NvosUpdate, Image: "i"}, {Name: ConfigureNmxCluster}, {Name: PowerSequence, Power: SequenceOff}}, nil},
		"there and empty":              {[]Activity{}, [][]string{{"empty"}}},
		"unknown":                      {[]Activity{{Name: "Defragment"}}, [][]string{{"Defragment", "FirmwareUpgrade", "PowerSequence"}}},
		"named twice":                  {only(FirmwareUpgrade, NvosUpdate, FirmwareUpgrade), [][]string{{"FirmwareUpgrade", "twice"}}},
		"named three times":            {only(NvosUpdate, NvosUpdate, NvosUpdate), [][]string{{"twice"}, {"twice"}}},
		"firmware of another":          {[]Activity{{Name: NvosUpdate, Firmware: "f"}}, [][]string{{"NvosUpdate", "firmware"}}},
		"components of another":        {[]Activity{{Name: PowerSequence, Components: []string{"BMC"}}}, [][]string{{"PowerSequence", "components"}}},
		"force of another":             {[]Activity{{Name: ConfigureNmxCluster, Force: true}}, [][]string{{"ConfigureNmxCluster", "force"}}},
		"image of another":             {[]Activity{{Name: FirmwareUpgrade, Image: "i"}}, [][]string{{"FirmwareUpgrade", "image"}}},
		"power of another":             {[]Activity{{Name: FirmwareUpgrade, Power: SequenceOn}}, [][]string{{"FirmwareUpgrade", "power"}}},
		"an unknown power":             {[]Activity{{Name: PowerSequence, Power: "cycle"}}, [][]string{{"cycle", "reset"}}},
		"an unknown power of another":  {[]Activity{{Name: NvosUpdate, Power: "cycle"}}, [][]string{{"NvosUpdate"}, {"cycle"}}},
		"all problems come together":   {[]Activity{{Name: "Defragment"}, {Name: NvosUpdate, Firmware: "f", Image: "i"}, {Name: NvosUpdate}}, [][]string{{"Defragment"}, {"firmware"}, {"twice"}}},
		"an unknown one is told once":  {only("Defragment", "Defragment"), [][]string{{"Defragment"}, {"Defragment"}}},
		"parameters without their own": {[]Activity{{Name: ConfigureNmxCluster, Firmware: "f", Image: "i", Power: SequenceOn}}, [][]string{{"firmware"}, {"image"}, {"power"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := checkActivities(c.activities)
			require.Len(t, problems, len(c.problems), "%v", problems)
			for i, words := range c.problems {
				mentions(t, problems[i].Error(), words...)
			}
		})
	}
}

func TestAFullRackDoesNotGrowInTheHandsOfItsCaller(t *testing.T) {
	t.Parallel()
	list := append(make([]Activity, 0, 4), only(FirmwareUpgrade)...)
	scope := FullRack(list...)
	_ = append(scope.Activities, Activity{Name: PowerSequence})
	assert.Empty(t, list[:2][1].Name, "what the caller has is left alone")
}

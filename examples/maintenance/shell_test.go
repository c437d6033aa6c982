package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/rack"
)

func TestABadCommandSaysWhatIsAllowedAndTheShellGoesOn(t *testing.T) {
	t.Parallel()
	cases := []struct{ line, want string }{
		{"frobnicate", "allowed: help, status, explain"},
		{"explain", "usage: explain OBJECT"},
		{"run 5m 6m", "usage: run DURATION"},
		{"status nothing", "allowed: machine/r1-compute-01"},
		{"plan r1-compute-01", `nothing is named "r1-compute-01"; allowed: rack/r1, rack/r2`},
		{"plan r1 fast", "allowed: firmware[=ID], image[=ID]"},
		{"run fast", "allowed: more than zero"},
		{"run -5m", "allowed: more than zero"},
		{"until r1 Sleeping", "allowed: Created, Discovering"},
		{"until r1 Main", "or a part of the path"},
		{"until r1 Error 1h", "has not come within 1h0m0s"},
		{"until r1 Error soon", "bad duration"},
		{"fault explode", "allowed: fail, timeout"},
		{"faults on", "usage: faults off"},
		{"hold r1 x for=ever", "bad duration"},
		{"hold r1 for=1h", "it has no reason"},
		{"release r1", "not found"},
		{"power r1 on", "a power request is accepted in"},
		{"shelf sideways r1-shelf-01 r1-shelf-02", `operation "sideways" is not known; use PowerOn or PowerOff`},
		{"shelf on r1-shelf-01 r1-shelf-01", "named twice"},
		{"switch paint r1-switch-01", "use PowerOn, PowerOff, Reset or ReconfigureCertificate"},
		{"switch reset r1-compute-01", "allowed: switch/r1-switch-01"},
		{"recover r1 looked at it", "recover is accepted in Error"},
		{"delete r1 now", "allowed: force"},
		{"replace r1-switch-01", "allowed: machine/r1-compute-01"},
		{"replace r1-compute-01 r1-compute-02", "is there already"},
		{"replace r1-compute-01 a/b", "malformed reference"},
		{"assign r1-switch-01 acme", "allowed: machine/r1-compute-01"},
		{"history r1 few", "allowed: whole numbers from 1"},
		{"history machine/never", "has no history"},
		{"request op-7", `no request has the id "op-7"; open are: none`},
		{"cancel op-7", "open are: none"},
		{"maintain r1 machines=", "is there and empty"},
		{"maintain r1 fabric fabric power=off power", "activity PowerSequence is named twice"},
		{"plan r1 machines=r1-compute-01 shelves= by=", "refused: the list of power_shelves is there and empty"},
	}
	var script strings.Builder
	for _, c := range cases {
		script.WriteString(c.line + "\n")
	}
	script.WriteString("status r1-compute-02\n")
	answers := strings.Split(transcript(t, script.String()), "\nrackstate ")[1:]
	require.Len(t, answers, len(cases)+1)
	for i, c := range cases {
		assert.Contains(t, answers[i], "> "+c.line+"\n")
		assert.Contains(t, answers[i], c.want, c.line)
		assert.NotContains(t, answers[i], "accepted\n", c.line)
	}
	assert.Contains(t, answers[len(cases)], "machine/r1-compute-02  Ready")
}

func TestASiteOnDiskGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	db := []string{"-db", filepath.Join(t.TempDir(), "racks.db")}
	first := transcript(t, "maintain r1 firmware=fw-1.4.0\nreplace r2-compute-04 r2-compute-05\nfault job FirmwareJob on machine/r2-compute-01 fails \"bad image\" count=1\nrun 5m\n", db...)
	assert.Contains(t, first, "machine/r2-compute-05  gone -> Created")

	second := transcript(t, "until r1 Ready\nrequest op-1\nuntil r2 Ready\nstatus r2\nmaintain r1 fabric\n", db...)
	assert.Contains(t, second, "2 racks and 18 devices, as they were left.")
	assert.Contains(t, second, "op-1 of rack/r1 by operator: finished")
	assert.NotContains(t, second, "r2-compute-04", "a tray that was carried out is not found again")
	assert.Contains(t, second, "1/7 devices failed: r2-compute-01: bad image", "a fault outlives the process")
	assert.Contains(t, second, "op-2 is accepted")
}

func TestAnObjectThatIsDeletedHasAHistoryAndNothingElse(t *testing.T) {
	t.Parallel()
	text := transcript(t, "assign r1-compute-01 acme\ndelete r1\ndelete r1 force\nhistory rack/r1 1\nstatus r1\nuntil r2 gone 1m\ndelete r2\nstatus\nexplain r2\n")
	assert.Contains(t, text, "machines r1-compute-01 of rack r1 are assigned")
	assert.Regexp(t, `Removed +gone +operator`, text)
	assert.Contains(t, text, `nothing is named "r1"`)
	assert.Contains(t, text, "has not come within 1m0s")
	assert.Contains(t, text, "allowed: nothing, there is none")
}

func TestUntilStopsWhenTheObjectIsGone(t *testing.T) {
	t.Parallel()
	text := transcript(t, "replace r1-compute-01 r1-compute-09\nrun 1m\ndelete r1-compute-09\nuntil r1-compute-09 Ready\n")
	assert.Contains(t, text, "machine/r1-compute-09  HostInit/WaitingForPlatformConfiguration -> Deleting")
	assert.Contains(t, text, "next: until machine/r1-compute-09 gone")
	assert.Contains(t, text, "error: machine/r1-compute-09 is gone; try history machine/r1-compute-09")
}

func TestARequestThatIsBeingCancelledSaysSo(t *testing.T) {
	t.Parallel()
	text := transcript(t, "maintain r1 firmware=fw-1.4.0\nhold r1 owner looks at it\ncancel op-1\nrequest op-1\nrelease r1\nrequest op-1\n")
	before, after, found := strings.Cut(text, "> release r1\n")
	require.True(t, found)
	assert.Contains(t, before, "operator asked to stop it")
	assert.Contains(t, after, "op-1 of rack/r1 by operator: cancelled")
	assert.NotContains(t, after, "asked to stop it")
}

func TestAScriptStopsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sh, err := open(t.Context(), options{seed: 1, user: "operator"}, &out)
	require.NoError(t, err)
	defer func() { require.NoError(t, sh.close()) }()
	require.NoError(t, sh.bringUp(t.Context()))
	sh.stopped = func() error { return os.ErrClosed }
	require.ErrorIs(t, sh.run(t.Context(), []string{"1h"}), errInterrupted)
	sh.stopped = nil
	require.NoError(t, sh.run(t.Context(), []string{"1h"}))
	assert.True(t, sh.sim.AllReady())
}

func TestWhatPlanAndMaintainAreAskedForIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	w, err := parseWish(strings.Fields("firmware=fw-1 image fabric power=off machines=a,b machines=c switches= tenants by=alice ref=T-1"))
	require.NoError(t, err)
	assert.Equal(t, wish{
		scope: rack.Scope{
			Machines: []string{"a", "b", "c"}, Switches: []string{},
			Activities: []rack.Activity{{Name: rack.FirmwareUpgrade, Firmware: "fw-1"}, {Name: rack.NvosUpdate}, {Name: rack.ConfigureNmxCluster}, {Name: rack.PowerSequence, Power: rack.SequenceOff}},
		},
		tenants: true, by: "alice", ref: "T-1",
	}, w)
	w, err = parseWish(nil)
	require.NoError(t, err)
	assert.Equal(t, wish{}, w, "nothing said is the whole rack and all activities")
}

func TestTabCompletesCommandsAndObjects(t *testing.T) {
	t.Parallel()
	sh, err := open(t.Context(), options{seed: 1}, &bytes.Buffer{})
	require.NoError(t, err)
	defer func() { require.NoError(t, sh.close()) }()
	require.NoError(t, sh.bringUp(t.Context()))
	for line, want := range map[string]string{
		"exp":                                  "explain ",
		"fau":                                  "fault",
		"zz":                                   "zz",
		"explain r2-sw":                        "explain r2-switch-0",
		"explain r2-switch-03":                 "explain r2-switch-03",
		"explain switch/r2-sh":                 "explain switch/r2-shelf-0",
		"plan r1 machines=r1-compute-01,":      "plan r1 machines=r1-compute-01,r",
		"plan r1 machines=r1-compute-01,r1-co": "plan r1 machines=r1-compute-01,r1-compute-0",
	} {
		assert.Equal(t, want, sh.complete(line))
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, args := range map[string][]string{
		"missing site file": {"-site", "no-such-file.json"},
		"stray argument":    {"now"},
		"unknown flag":      {"-fast"},
		"folder as store":   {"-db", folder},
		"negative limit":    {"-limit", "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, run(t.Context(), args, strings.NewReader(""), &bytes.Buffer{}))
		})
	}
}

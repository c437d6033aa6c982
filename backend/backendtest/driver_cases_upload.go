package backendtest

import (
	"errors"

	"github.com/rackstate/rackstate/backend"
)

// uploadCases prove what uploads of firmware promise.
func uploadCases() []driverCase {
	uploads := func(c *driverCheck) bool { return c.can.Upload != nil && len(c.h.Machines) > 0 }
	return []driverCase{
		driverRule("AnUploadMovesForward", "UploadFirmware returns soon, with how far the upload has come; bytes that were sent stay sent", uploads, checkProgress),
		driverRule("ABrokenUploadGoesOnByItsKey", "An upload that broke off goes on at the next call with its key; the image arrives once",
			func(c *driverCheck) bool { return uploads(c) && c.can.Reset != nil }, checkResume),
		driverRule("ATaskStaysTheAnswerOfItsUpload", "From when there is a task every call with the key returns that task", uploads, checkTask),
		driverRule("AnUploadedVersionIsReported", "Upload installs firmware by sending images to the management controller of one machine",
			func(c *driverCheck) bool {
				return uploads(c) && c.can.Reset != nil && c.can.Power != nil && c.can.Inventory != nil
			}, checkVersion),
	}
}

func checkProgress(c *driverCheck) {
	var last backend.UploadStatus
	c.until("the image is there", func() bool {
		status, err := c.can.Upload.UploadFirmware(c.ctx, "key-1", c.h.Machines[0], c.h.Artifact)
		switch {
		case errors.Is(err, backend.ErrNotDone):
			return false
		case !c.ok("UploadFirmware", err):
			return true
		case status.Sent < last.Sent:
			c.failf("UploadFirmware: %d bytes are sent, it were %d before", status.Sent, last.Sent)
		case status.Size > 0 && status.Sent > status.Size:
			c.failf("UploadFirmware: %d of %d bytes are sent", status.Sent, status.Size)
		}
		last = status
		return status.Task != ""
	})
}

func checkResume(c *driverCheck) {
	host, before := c.h.Machines[0], c.count("UploadFirmware")
	if !c.look("UploadFirmware", func() error {
		_, err := c.can.Upload.UploadFirmware(c.ctx, "key-1", host, c.h.Artifact)
		return err
	}) {
		return
	}
	c.pass(c.step())
	if !c.look("ResetBMC", func() error { return c.can.Reset.ResetBMC(c.ctx, "key-2", host) }) {
		return
	}
	task := ""
	if !c.look("UploadFirmware after a reset of the management controller", func() (err error) {
		task, err = c.upload(c.ctx, "key-1", host)
		return err
	}) {
		return
	}
	c.begun("UploadFirmware", before, 1)
	c.look("FirmwareTask", func() error {
		_, err := c.can.Upload.FirmwareTask(c.ctx, backend.Job{Device: host.Ref, Endpoint: host.Endpoint, ID: task})
		return err
	})
}

func checkTask(c *driverCheck) {
	host := c.h.Machines[0]
	again := func() (task string) {
		c.look("UploadFirmware", func() (err error) {
			task, err = c.upload(c.ctx, "key-1", host)
			return err
		})
		return task
	}
	task := again()
	if task == "" {
		return
	}
	call := driverCall{name: "UploadFirmware", poll: oneJob(c.can.Upload.FirmwareTask)}
	c.end(call, c.h.Machines[:1], callAnswer{host.Ref: task})
	status, err := c.can.Upload.UploadFirmware(c.ctx, "key-1", host, c.h.Artifact)
	if c.ok("UploadFirmware after its task has ended", err) && status.Task != task {
		c.failf("UploadFirmware: the task is %q, and %q after it has ended", task, status.Task)
	}
}

func checkVersion(c *driverCheck) {
	host := c.h.Machines[0]
	var task string
	if !c.look("UploadFirmware", func() (err error) {
		task, err = c.upload(c.ctx, "key-1", host)
		return err
	}) {
		return
	}
	c.end(driverCall{name: "UploadFirmware", poll: oneJob(c.can.Upload.FirmwareTask)}, c.h.Machines[:1], callAnswer{host.Ref: task})
	for _, action := range []backend.PowerAction{backend.ActionPowerOff, backend.ActionPowerOn} {
		want := map[backend.PowerAction]backend.PowerState{backend.ActionPowerOff: backend.PowerOff, backend.ActionPowerOn: backend.PowerOn}[action]
		c.look(string(action), func() error { return c.can.Power.SetPower(c.ctx, "key-"+string(action), action, c.h.Machines[:1]) })
		c.until("the power is "+string(want), func() bool {
			found, err := c.can.Power.PowerState(c.ctx, c.h.Machines[:1])
			return err == nil && found[host.Ref] == want
		})
		c.pass(c.step())
	}
	c.look("ResetBMC", func() error { return c.can.Reset.ResetBMC(c.ctx, "key-2", host) })
	c.until("the new version is reported after a loss of power and a reset of the management controller", func() bool {
		versions, err := c.can.Inventory.FirmwareInventory(c.ctx, host)
		return err == nil && versions[c.h.Artifact.Component] == c.h.Artifact.Version
	})
}

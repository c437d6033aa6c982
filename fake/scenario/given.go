package scenario

// Given is what the world looks like at the start. Everything is optional; an absent fact is the healthy and complete one.
type Given struct {
	Settings     Settings           `yaml:"settings"`
	Profiles     map[string]Profile `yaml:"profiles"`
	Expected     []Expected         `yaml:"expected"`
	Newcomers    []Discover         `yaml:"newcomers"`
	Racks        []Rack             `yaml:"racks"`
	Machines     []Machine          `yaml:"machines"`
	Switches     []Switch           `yaml:"switches"`
	PowerShelves []PowerShelf       `yaml:"power_shelves"`
	Requests     []Request          `yaml:"requests"`
	Statuses     []Status           `yaml:"statuses"`
	Jobs         []Jobs             `yaml:"jobs"`
	Holds        []Hold             `yaml:"holds"`
	Firmware     []Firmware         `yaml:"firmware"`
	Hardware     []Answered         `yaml:"hardware"`
	Simulated    *Simulated         `yaml:"simulated"`
	Controllers  []string           `yaml:"controllers"`
}

// Settings are what a site chooses.
type Settings struct {
	Validation             string            `yaml:"validation"` // enabled or disabled
	ValidationFailedGrace  Duration          `yaml:"validation_failed_grace"`
	MaxRacksInMaintenance  int               `yaml:"max_racks_in_maintenance"`
	FirmwareRetryLimit     *int              `yaml:"firmware_retry_limit"` // zero: never
	FirmwareRetryInterval  Duration          `yaml:"firmware_retry_interval"`
	PowerShelfRequestLimit int               `yaml:"power_shelf_request_limit"`
	Deadlines              Deadlines         `yaml:"deadlines"`
	MachineFirmware        []MachineFirmware `yaml:"machine_firmware"`
	UploadLimit            int               `yaml:"upload_limit"`
	DPUFirmware            map[string]string `yaml:"dpu_firmware"`
	Attestors              []string          `yaml:"attestors"`
	Resync                 Duration          `yaml:"resync"`
	Lease                  Duration          `yaml:"lease"`
}

// Deadlines bound the activities.
type Deadlines struct {
	FirmwareUpgrade     Duration `yaml:"firmware_upgrade"`
	NVOSUpdate          Duration `yaml:"nvos_update"`
	ConfigureNmxCluster Duration `yaml:"configure_nmx_cluster"`
	PowerSequence       Duration `yaml:"power_sequence"`
	Completed           Duration `yaml:"completed"`
	Validating          Duration `yaml:"validating"`
}

// MachineFirmware is what a machine's own check wants of one component.
type MachineFirmware struct {
	Component string `yaml:"component"`
	Version   string `yaml:"version"`
	How       string `yaml:"how"` // upload, manual, script or reset
	Artifacts int    `yaml:"artifacts"`
	Reset     string `yaml:"reset"` // what follows an upload: host, bmc, drain or none
}

// Profile is a class of racks.
type Profile struct {
	Compute            int    `yaml:"compute"`
	Switch             int    `yaml:"switch"`
	PowerShelf         int    `yaml:"power_shelf"`
	Topology           string `yaml:"topology"`
	HardwareType       string `yaml:"hardware_type"`
	DefaultFirmware    string `yaml:"default_firmware"`
	DefaultSwitchImage string `yaml:"default_switch_image"`
	PowerSequence      bool   `yaml:"power_sequence"`
}

// Expected is an expected rack that has no object yet.
type Expected struct {
	ID      string `yaml:"id"`
	Profile string `yaml:"profile"` // absent: P
}

// Rack is a rack.
type Rack struct {
	ID                   string            `yaml:"id"`
	Profile              *string           `yaml:"profile"` // absent: P
	State                string            `yaml:"state"`   // absent: Ready, here and below
	Since                Duration          `yaml:"since"`
	ActivityStarted      *Duration         `yaml:"activity_started"`
	TopologyChanged      bool              `yaml:"topology_changed"`
	ReprovisionRequested bool              `yaml:"reprovision_requested"`
	Cause                string            `yaml:"cause"`
	Origin               string            `yaml:"origin"`
	RunID                string            `yaml:"run_id"`
	Cycle                string            `yaml:"cycle"`
	Deleted              bool              `yaml:"deleted"`
	Labels               map[string]string `yaml:"labels"`
}

// Machine is a machine.
type Machine struct {
	ID             string            `yaml:"id"`
	Rack           string            `yaml:"rack"`
	State          string            `yaml:"state"`
	Since          Duration          `yaml:"since"`
	Labels         map[string]string `yaml:"labels"`
	Alerts         []Alert           `yaml:"alerts"`
	RetryCount     int               `yaml:"retry_count"`
	ReturnTo       string            `yaml:"return_to"`
	TenantApproved bool              `yaml:"tenant_approved"`
	Deleted        bool              `yaml:"deleted"`
	Cause          string            `yaml:"cause"`
	Firmware       map[string]string `yaml:"firmware"`
	DPUs           int               `yaml:"dpus"`
	Tenant         string            `yaml:"tenant"`
	SKU            string            `yaml:"sku"`
}

// Alert is one alert of an object's health.
type Alert struct {
	ID              string   `yaml:"id"`
	Source          string   `yaml:"source"`
	Classifications []string `yaml:"classifications"`
}

// Switch is a switch. A pointer tells an absent fact, which is complete, from one that is empty.
type Switch struct {
	ID             string    `yaml:"id"`
	Rack           string    `yaml:"rack"`
	State          string    `yaml:"state"`
	Since          Duration  `yaml:"since"`
	Cause          string    `yaml:"cause"`
	BMCMAC         *string   `yaml:"bmc_mac"`
	NVOSMACs       *[]string `yaml:"nvos_macs"`
	SeenMACs       *[]string `yaml:"seen_macs"`
	NVOSAddress    *string   `yaml:"nvos_address"`
	NVOSCredential *bool     `yaml:"nvos_credential"`
	Tray           *int      `yaml:"tray"`
	Slot           int       `yaml:"slot"`
	Primary        bool      `yaml:"primary"`
	Job            *JobState `yaml:"job"`
	BMCAddress     *string   `yaml:"bmc_address"`
	BMCCredential  *bool     `yaml:"bmc_credential"`
	Expected       *bool     `yaml:"expected"`
	ExpectedPart   string    `yaml:"expected_part"`
	FoundPart      string    `yaml:"found_part"`
	Deleted        bool      `yaml:"deleted"`
}

// PowerShelf is a power shelf.
type PowerShelf struct {
	ID            string   `yaml:"id"`
	Rack          string   `yaml:"rack"`
	State         string   `yaml:"state"`
	Since         Duration `yaml:"since"`
	Cause         string   `yaml:"cause"`
	Power         string   `yaml:"power"`
	BMCMAC        *string  `yaml:"bmc_mac"`
	BMCAddress    *string  `yaml:"bmc_address"`
	BMCCredential *bool    `yaml:"bmc_credential"`
	Deleted       bool     `yaml:"deleted"`
}

// Request is a request, in given and in when.
type Request struct {
	ID             string    `yaml:"id"`
	On             Names     `yaml:"on"`
	Type           string    `yaml:"type"`
	Initiator      string    `yaml:"initiator"`
	Reference      string    `yaml:"reference"`
	At             *Duration `yaml:"at"`
	AcceptedAt     *Duration `yaml:"accepted_at"`
	Cycle          string    `yaml:"cycle"`
	Scope          Scope     `yaml:"scope"`
	Operation      string    `yaml:"operation"`
	Await          []string  `yaml:"await"`
	DisturbTenants bool      `yaml:"disturb_tenants"`
	Reset          bool      `yaml:"reset"`
	Note           *string   `yaml:"note"` // of a recover request
}

// Scope is what a maintenance is about. A list that is absent is not one that is empty.
type Scope struct {
	Machines     *[]string   `yaml:"machines"`
	Switches     *[]string   `yaml:"switches"`
	PowerShelves *[]string   `yaml:"power_shelves"`
	Activities   *[]Activity `yaml:"activities"`
}

// Status is what a cycle has written on a device.
type Status struct {
	On              string       `yaml:"on"`
	FirmwareUpgrade *CycleStatus `yaml:"firmware_upgrade"`
	NVOSUpdate      *CycleStatus `yaml:"nvos_update"`
	FabricManager   *CycleStatus `yaml:"fabric_manager"`
}

// CycleStatus is one status.
type CycleStatus struct {
	Status  string    `yaml:"status"`
	Cause   string    `yaml:"cause"`
	Reason  string    `yaml:"reason"`
	Error   string    `yaml:"error"`
	Started *Duration `yaml:"started"`
	Ended   *Duration `yaml:"ended"`
	Cycle   string    `yaml:"cycle"`
}

// Jobs are a rack's running jobs: what a poll will find.
type Jobs struct {
	On       string              `yaml:"on"`
	Activity string              `yaml:"activity"`
	Devices  map[string]JobState `yaml:"devices"`
	Started  *Duration           `yaml:"started"` // absent: when the activity of the rack began
}

// Hold is a hold.
type Hold struct {
	On      string    `yaml:"on"`
	Type    string    `yaml:"type"`
	Owner   string    `yaml:"owner"`
	Reason  string    `yaml:"reason"`
	Expires *Duration `yaml:"expires"`
}

// Firmware is an entry of the catalogue.
type Firmware struct {
	ID           string `yaml:"id"`
	HardwareType string `yaml:"hardware_type"` // absent: any
	Available    *bool  `yaml:"available"`     // absent: it is
}

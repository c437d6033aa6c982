// Package sitefile reads the file in which an operator describes a site: profiles of racks, the expected racks, and the machines, switches and power
// shelves in them. JSON and YAML hold the same fields.
//
//	rack_profiles:                        # by profile id
//	  NVL72:
//	    product_family: gb200
//	    rack_hardware_type: gb200         # any matches all
//	    rack_hardware_topology: gb200_nvl72r1_c2g4_topology
//	    rack_hardware_class: prod         # or dev
//	    rack_capabilities:                # a kind that is left out: the rack has none
//	      compute: {name: GB200, vendor: NVIDIA, count: 18, slot_ids: [1, 2, 3]}
//	      switch: {count: 9}              # count is required, the rest is optional
//	      power_shelf: {count: 8}
//	    default_firmware: {gb200: fw-1}   # optional: firmware id by hardware type
//	    default_switch_image: {any: os-1} # optional: switch image id by hardware type
//	    power_sequence: true              # optional: the first maintenance ends with a power sequence
//	expected_racks:
//	  - rack_id: A12
//	    rack_profile_id: NVL72
//	    metadata: {name: rack A12, description: "", labels: {location.room: hall-2}}
//	expected_machines:
//	  - bmc_mac_address: 94:6D:AE:01:00:01
//	    bmc_username: root
//	    bmc_password: factory-default
//	    chassis_serial_number: "1825094976746"
//	    rack_id: A12
//	    metadata: {name: a12-compute-01, labels: {slot: "1"}}
//	expected_switches:                    # serial_number instead of chassis_serial_number, and
//	  - nvos_mac_addresses: [B0:CF:0E:01:00:17]
//	    nvos_username: admin
//	    nvos_password: factory-default
//	expected_power_shelves: []            # as machines, with serial_number
//
// # Ids
//
// The host application names devices. The id of a device is its metadata.name; without a name it is the MAC of its management controller in lower case
// without colons, such as 946dae010001. Ids are unique within a kind. The label slot is the slot number of the device.
//
// # Strictness
//
// A field that is not listed above is an error, so is a value of another type (18 is no text, "18" no number), a field or an id that is there twice, and
// everything that rack.Site.Validate reports. A null counts as left out. All problems of a file are reported together, each as a *rack.SiteError with its
// line, column and path; see rack.SiteErrors. Only a syntax error (ErrSyntax) or a file that is too large (ErrTooLarge) stands alone, because what follows
// cannot be read. No message holds a password.
//
// Only true and false are booleans; on, off, yes and no are plain words. In YAML, anchors, aliases and merge keys work within a budget, and !!str is the
// one tag; directives and more than one document are refused. So is text that takes a parser very long: values more than 64 levels deep, a YAML mapping of
// more than 1000 keys, files larger than MaxJSON and MaxYAML.
package sitefile

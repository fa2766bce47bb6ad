package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// deviceList matches several devices in --device. Names may have commas, so a list has numbers alone.
var deviceList = regexp.MustCompile(`^\d+(,\d+)+$`)

// devicesFlag declares --device of a command that computes on several.
func devicesFlag(fs *pflag.FlagSet) *string {
	defer inGroup(fs, deviceGroup)()
	return fs.String("device", "", "`N|NAME|N,N`: number or name of a device, as marr devices lists them, or several numbers: each device computes a share of every batch "+
		"(see --accumulate); default: MARR_DEVICE, else the best")
}

// selectors returns the devices of --device, each as openDevice takes it.
func selectors(list string) []string {
	if deviceList.MatchString(list) {
		return strings.Split(list, ",")
	}
	return []string{list}
}

// openDevices opens the devices of --device.
func openDevices(list string) (devices []*vk.Device, err error) {
	for _, s := range selectors(list) {
		dev, err := openDevice(s)
		if err != nil {
			closeDevices(devices)
			return nil, err
		}
		devices = append(devices, dev)
	}
	return devices, nil
}

func closeDevices(devices []*vk.Device) {
	for _, d := range devices {
		d.Close()
	}
}

// divide makes every device compute as many parts of a batch: one, unless the command line, a recipe or the saved run says how many.
func (p *planner) divide() error {
	c, n := p.config, max(p.devices, 1)
	if c.Accumulate%n != 0 {
		if p.resumed {
			return usagef("--resume on %d devices: the run computes each batch in %d parts (--accumulate), and all devices must compute equally many: "+
				"use a number of devices that divides %d", n, c.Accumulate, c.Accumulate)
		}
		if p.fixed("accumulate") {
			return usagef("--accumulate %d on %d devices: all devices must compute equally many parts of a batch: choose a multiple of %d, or another number of devices", c.Accumulate, n, n)
		}
		c.Accumulate = n
	}
	if n > 1 && p.given("batch") && c.Batch%c.Accumulate != 0 {
		return usagef("--batch %d on %d devices: it does not divide into %d parts of equal size: choose a multiple of %d", c.Batch, n, c.Accumulate, c.Accumulate)
	}
	return nil
}

// shareFlags declares how several devices compute a run together.
func shareFlags(fs *pflag.FlagSet, c *train.Config) {
	defer inGroup(fs, optimizationGroup)()
	fs.BoolVar(&c.SyncBN, "sync-bn", false, "synchronize batch norm: compute its statistics over the images of all devices; they wait for each other at every batch norm")
	wireFlag(fs, &c.Wire, "")
}

// roundBatch makes a batch that was chosen divide into its parts.
func (p *planner) roundBatch() {
	if c := p.config; !p.fixed("batch") {
		c.Batch = max(c.Batch-c.Batch%c.Accumulate, 2*c.Accumulate)
	}
}

// batch describes the batch of the plan.
func (p *planner) batch() string {
	if k := p.config.Accumulate; k > 1 {
		text := fmt.Sprintf("%d in %d parts", p.config.Batch, k)
		if p.config.SyncBN && p.devices > 1 {
			text += ", sync-bn"
		}
		return text
	}
	return fmt.Sprint(p.config.Batch)
}

// onDevices names the device, and how many there are.
func onDevices(dev *vk.Device, n int) string {
	if n > 1 {
		return fmt.Sprintf("%d × %s", n, dev.Info().Name)
	}
	return dev.Info().Name
}

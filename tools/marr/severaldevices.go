package main

import (
	"fmt"
	"regexp"
	"strconv"
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
	p.countDevices()
	c, n := p.config, max(p.devices, 1)
	if c.Accumulate%n != 0 {
		if p.resumed {
			return usagef("--resume on %d devices: the run computes each batch in %d parts (--accumulate), of which each device computes as many: "+
				"use a number of devices that divides %d", n, c.Accumulate, c.Accumulate)
		}
		if p.fixed("accumulate") {
			return usagef("--accumulate %d on %d devices: each computes as many parts of a batch: choose a multiple of %d, or another number of devices", c.Accumulate, n, n)
		}
		c.Accumulate = n
	}
	if n > 1 && p.given("batch") && c.Batch%c.Accumulate != 0 {
		return usagef("--batch %d on %d devices: it does not divide into %d parts of equal size: choose a multiple of %d", c.Batch, n, c.Accumulate, c.Accumulate)
	}
	return nil
}

// syncBN is the value of --sync-bn: a bool that becomes the number of devices.
type syncBN struct{ c *train.Config }

// allDevices stands for the number of devices until divide knows it.
const allDevices = -1

func (s syncBN) String() string   { return strconv.FormatBool(s.c != nil && s.c.SyncBN != 0) }
func (s syncBN) Type() string     { return "bool" }
func (s syncBN) IsBoolFlag() bool { return true }

func (s syncBN) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if s.c.SyncBN = 0; on {
		s.c.SyncBN = allDevices
	}
	return err
}

// syncBNFlag declares --sync-bn.
func syncBNFlag(fs *pflag.FlagSet, c *train.Config) {
	defer inGroup(fs, optimizationGroup)()
	fs.VarPF(syncBN{c}, "sync-bn", "", "on several devices: batch norm normalizes over the images of all of them together, not of each, which waits for all at every norm").NoOptDefVal = "true"
}

// countDevices sets the number of devices whose images batch norm normalizes together.
func (p *planner) countDevices() {
	if p.config.SyncBN != allDevices {
		return
	}
	if p.config.SyncBN = p.devices; p.devices <= 1 {
		p.config.SyncBN = 0
		note("--sync-bn is ignored: there is one device")
	}
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
		return fmt.Sprintf("%d in %d parts", p.config.Batch, k)
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

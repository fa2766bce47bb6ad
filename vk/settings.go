package vk

import "os"

// Settings are the environment variables that choose a device and change how programs are built.
type Settings struct {
	Device     string // MARR_DEVICE: which device Open opens when its selector is empty
	Validation bool   // MARR_VALIDATION, set and not 0: as Options.Validation
	Cache      string // MARR_CACHE: the folder that CacheDir returns; off: none
	Kernels    string // MARR_KERNELS: kernels that programs are limited to, see package kernels
	Eager      bool   // MARR_EAGER=1: programs wait after each op and check what it wrote
	Poison     bool   // MARR_POISON=1: programs fill their memory with NaN and watch its borders
}

// ReadSettings reads the environment.
func ReadSettings() Settings {
	validation := os.Getenv("MARR_VALIDATION")
	return Settings{
		Device: os.Getenv("MARR_DEVICE"), Validation: validation != "" && validation != "0", Cache: os.Getenv("MARR_CACHE"),
		Kernels: os.Getenv("MARR_KERNELS"), Eager: os.Getenv("MARR_EAGER") == "1", Poison: os.Getenv("MARR_POISON") == "1",
	}
}

// Settings returns the settings that programs are built with: those of the environment when the device was opened.
func (d *Device) Settings() Settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.settings
}

// Configure replaces the settings for the programs that are built from now on, for tests.
func (d *Device) Configure(s Settings) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settings = s
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/vk"
)

func versionCommand(*pflag.FlagSet) func(context.Context, []string) error {
	return func(_ context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		info, _ := debug.ReadBuildInfo()
		fmt.Println(buildVersion(info))
		fmt.Printf("%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
		fmt.Println(deviceVersion())
		return nil
	}
}

// buildVersion describes the program's source: the version of the module, and the commit where the build recorded it. info may be nil.
func buildVersion(info *debug.BuildInfo) string {
	if info == nil {
		return "marr, built without version information"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := "marr " + cmp.Or(info.Main.Version, "(devel)")
	if commit := settings["vcs.revision"]; commit != "" {
		text += fmt.Sprintf(", commit %s of %s", commit, settings["vcs.time"])
	}
	if settings["vcs.modified"] == "true" {
		text += ", with uncommitted changes"
	}
	return text
}

// deviceVersion describes the default device and its driver, or says why there is none.
func deviceVersion() string {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		return "no device: " + oneLine(err)
	}
	defer dev.Close()
	i := dev.Info()
	return fmt.Sprintf("device %s, driver %s, Vulkan %s", i.Name, cmp.Or(i.Driver, fmt.Sprintf("version %#x", i.DriverVersion)), i.API)
}

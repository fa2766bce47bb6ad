package main

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/vk"
)

func TestVersionNamesTheCommit(t *testing.T) {
	t.Parallel()
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	build := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	commit := []debug.BuildSetting{setting("vcs.revision", "4874a62"), setting("vcs.time", "2026-11-29T11:11:36Z")}
	for want, info := range map[string]*debug.BuildInfo{
		"marr, built without version information": nil,
		"marr (devel)": build(""),
		"marr v1.2.3":  build("v1.2.3", setting("vcs.modified", "false")),
		"marr v1.2.3, commit 4874a62 of 2026-11-29T11:11:36Z":                           build("v1.2.3", commit...),
		"marr v1.2.3, commit 4874a62 of 2026-11-29T11:11:36Z, with uncommitted changes": build("v1.2.3", append(commit, setting("vcs.modified", "true"))...),
	} {
		if got := buildVersion(info); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestVersionNamesTheDeviceAndSucceedsWithoutOne(t *testing.T) {
	t.Parallel()
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, args := range [][]string{{"--version"}, {"version"}} {
		out := ok(t, args...)
		for _, want := range []string{"marr ", runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, dev.Info().Name, dev.Info().Driver, "Vulkan " + dev.Info().API} {
			if !strings.Contains(out, want) {
				t.Errorf("marr %v: no %q in %q", args, want, out)
			}
		}
	}
	if runtime.GOOS == "windows" {
		return // Wine does not pass VK_DRIVER_FILES on
	}
	r := call(t, []string{"VK_ICD_FILENAMES=/nonexistent", "VK_DRIVER_FILES=/nonexistent"}, "--version")
	if r.status != 0 || r.err != "" || !strings.Contains(r.out, runtime.Version()) || !strings.Contains(r.out, "no device: ") {
		t.Errorf("without a driver: status %d, %q, stderr %q", r.status, r.out, r.err)
	}
}

package main

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// clone copies the commit that is checked out, with its tags, into a new folder.
func clone(dir string) error {
	head, err := output(".", "git", "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	top, err := output(".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	if _, err := output(".", "git", "clone", "--quiet", "--no-checkout", strings.TrimSpace(string(top)), dir); err != nil {
		return err
	}
	_, err = output(dir, "git", "checkout", "--quiet", "--detach", strings.TrimSpace(string(head)))
	return err
}

// binary is a built program and what Go recorded in it. time is that of its commit.
type binary struct {
	target, path string
	info         *buildinfo.BuildInfo
	time         time.Time
}

// build builds a target in a clone.
func build(clone, target string) (binary, error) {
	if _, err := output(clone, "tools/cross/build.sh", target); err != nil {
		return binary{}, err
	}
	b := binary{target: target, path: filepath.Join(clone, "bin", "marr-"+target)}
	if b.system() == "windows" {
		b.path += ".exe"
	}
	var err error
	if b.info, err = buildinfo.ReadFile(b.path); err != nil {
		return binary{}, err
	}
	if !semver.IsValid(b.info.Main.Version) {
		return binary{}, fmt.Errorf("Go recorded %q as the version of %s, want v1.2.3 or v0.0.0-TIME-COMMIT: is git installed?", b.info.Main.Version, b.path)
	}
	b.time, err = time.Parse(time.RFC3339, b.setting("vcs.time"))
	return b, err
}

func (b binary) setting(key string) string {
	for _, s := range b.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// version returns the module's version, such as v1.2.3.
func (b binary) version() string { return b.info.Main.Version }

// number returns the version without its v.
func (b binary) number() string { return strings.TrimPrefix(b.version(), "v") }

func (b binary) system() string    { s, _, _ := strings.Cut(b.target, "-"); return s }
func (b binary) processor() string { _, p, _ := strings.Cut(b.target, "-"); return p }

// name returns the program's name in an archive.
func (b binary) name() string {
	if b.system() == "windows" {
		return "marr.exe"
	}
	return "marr"
}

func (b binary) archiveSuffix() string {
	if b.system() == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// texts are what the program prints for packages: its man page and its completion scripts.
type texts struct{ man, bash, zsh, fish []byte }

// printed returns the texts of the program of this machine, which it builds if the release did not.
func printed(clone string) (t texts, err error) {
	program := filepath.Join(clone, "bin", "marr-linux-"+runtime.GOARCH)
	if _, err := os.Stat(program); err != nil {
		if _, err := build(clone, "linux-"+runtime.GOARCH); err != nil {
			return t, err
		}
	}
	if t.man, err = output(clone, program, "__man"); err != nil {
		return t, err
	}
	for shell, to := range map[string]*[]byte{"bash": &t.bash, "zsh": &t.zsh, "fish": &t.fish} {
		if *to, err = output(clone, program, "completion", shell); err != nil {
			return t, err
		}
	}
	return t, nil
}

// glibc returns the oldest version of glibc that has every symbol that a program imports from it, such as 2.34.
func glibc(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return "", err
	}
	newest := ""
	for _, s := range symbols {
		if v, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && semver.Compare("v"+v, "v"+newest) > 0 {
			newest = v
		}
	}
	if newest == "" {
		return "", fmt.Errorf("%s imports nothing of glibc", path)
	}
	return newest, nil
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// proxyVersion is the version of the module in the folder that writeProxy writes.
const proxyVersion = "v0.0.1-unpublished"

// writeProxy writes the commit of a clone into a folder that the go command reads as a module proxy (GOPROXY=file://FOLDER), as the version proxyVersion.
// It fails where a proxy would refuse the module: a file name that some system cannot have, two that differ only in case, more than 500 MB.
func writeProxy(clone, dir string) (err error) {
	mod, err := os.ReadFile(filepath.Join(clone, "go.mod"))
	if err != nil {
		return err
	}
	m := module.Version{Path: modfile.ModulePath(mod), Version: proxyVersion}
	dir = filepath.Join(dir, filepath.FromSlash(m.Path), "@v")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	packed, err := os.Create(filepath.Join(dir, m.Version+".zip"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, packed.Close()) }()
	if err := zip.CreateFromVCS(packed, m, clone, "HEAD", ""); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "list"), []byte(m.Version+"\n"), 0o666),
		os.WriteFile(filepath.Join(dir, m.Version+".info"), fmt.Appendf(nil, `{"Version": %q}`, m.Version), 0o666),
		os.WriteFile(filepath.Join(dir, m.Version+".mod"), mod, 0o666))
}

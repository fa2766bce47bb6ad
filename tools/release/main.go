// Command release builds what a release publishes from the commit that is checked out: for each target an archive, for Linux also a Debian package, and
// the checksums of all of them. It builds a clone of the commit, so that neither uncommitted files nor the folder's name change a byte.
//
//	go run ./tools/release [--out bin/release] [TARGET...]
//	go run ./tools/release --proxy FOLDER       the module for GOPROXY=file://FOLDER, as a version that is not published
//
// An archive is one folder, marr-VERSION-TARGET, with the program, its licenses, its parts as SPDX, a man page and checksums. The version is the one that Go
// records in the program: the tag of the commit, or v0.0.0-TIME-COMMIT. Programs for macOS are left out: they are linked against stubs and have never run.
package main

import (
	"crypto/sha256"
	_ "embed"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// targets are those of a release. The first one's program prints the man page.
var targets = []string{"linux-amd64", "linux-arm64", "windows-amd64"}

func main() {
	out := flag.String("out", "bin/release", "folder for the release; what is in it is replaced")
	proxy := flag.String("proxy", "", "write the module into this folder, as a proxy has it, and build nothing")
	flag.Parse()
	if err := release(*out, *proxy, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(out, proxy string, chosen []string) error {
	if len(chosen) == 0 {
		chosen = targets
	}
	for _, t := range chosen {
		if !slices.Contains(targets, t) {
			return fmt.Errorf("target %s: want one of %s", t, strings.Join(targets, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "marr-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := clone(filepath.Join(dir, "marr")); err != nil {
		return err
	}
	if proxy != "" {
		return writeProxy(filepath.Join(dir, "marr"), proxy)
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	for _, t := range chosen {
		if err := publish(filepath.Join(dir, "marr"), t, out); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	if err := writeSums(out); err != nil {
		return err
	}
	return verify(out)
}

// publish builds a target in a clone, and writes its archive and package into the folder out.
func publish(clone, target, out string) error {
	b, err := build(clone, target)
	if err != nil {
		return err
	}
	t, err := printed(clone)
	if err != nil {
		return err
	}
	all, err := licenses(clone, b)
	if err != nil {
		return err
	}
	files, err := contents(b, t.man, all)
	if err != nil {
		return err
	}
	name := "marr-" + b.number() + "-" + target
	path := filepath.Join(out, name+b.archiveSuffix())
	if err := writeArchive(path, name, files, b.time); err != nil {
		return err
	}
	fmt.Println("release:", path)
	if b.system() != "linux" {
		return nil
	}
	path, err = writeDeb(out, b, t, all)
	if err == nil {
		fmt.Println("release:", path)
	}
	return err
}

//go:embed README.txt
var readme string

// contents returns the files of an archive, by their paths in its folder.
func contents(b binary, page []byte, all []part) (map[string]file, error) {
	sbom, err := spdx(b, all)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	needs := ""
	if b.system() == "linux" {
		if needs, err = glibc(b.path); err != nil {
			return nil, err
		}
	}
	fill := map[string]string{"Version": b.version(), "Target": b.target, "Glibc": needs, "Parts": fmt.Sprint(len(all))}
	if err := template.Must(template.New("README").Parse(readme)).Execute(&text, fill); err != nil {
		return nil, err
	}
	program, err := os.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	files := map[string]file{
		b.name():         {program, 0o755},
		"README.txt":     {[]byte(text.String()), 0o644},
		"marr.spdx.json": {sbom, 0o644},
	}
	if b.system() != "windows" {
		files["marr.1"] = file{page, 0o644}
	}
	for _, m := range all {
		for path, data := range m.texts {
			if m.path == b.info.Main.Path {
				files[path] = file{data, 0o644}
			} else {
				files["licenses/"+m.folder()+"/"+path] = file{data, 0o644}
			}
		}
	}
	files["SHA256SUMS"] = file{sums(files), 0o644}
	return files, nil
}

// sums returns the checksums of files, as sha256sum prints them.
func sums(files map[string]file) []byte {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(files[path].data), path)
	}
	return []byte(b.String())
}

// writeSums writes the checksums of the files in a folder.
func writeSums(dir string) error {
	files, err := readFolder(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), sums(files), 0o666)
}

// readFolder returns the files of a folder by their names.
func readFolder(dir string) (map[string]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string]file{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		files[e.Name()] = file{data: data}
	}
	return files, nil
}

// output runs a program in a folder and returns what it prints.
func output(dir, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Dir, c.Stderr = dir, os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out, nil
}

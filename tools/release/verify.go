package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// verify reads a release: its checksums are right, and each archive passes verifyArchive.
func verify(dir string) error {
	files, err := readFolder(dir)
	if err != nil {
		return err
	}
	if err := verifySums(files); err != nil {
		return err
	}
	for name, f := range files {
		if !strings.HasSuffix(name, ".tar.gz") && !strings.HasSuffix(name, ".zip") {
			continue
		}
		if err := verifyArchive(name, f.data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// verifySums compares SHA256SUMS among files with all others.
func verifySums(files map[string]file) error {
	listed := string(files["SHA256SUMS"].data)
	rest := map[string]file{}
	for name, f := range files {
		if name != "SHA256SUMS" {
			rest[name] = f
		}
	}
	for line := range strings.Lines(string(sums(rest))) {
		if !strings.Contains(listed, line) {
			return fmt.Errorf("SHA256SUMS lacks %s", strings.TrimSpace(line))
		}
	}
	if got, want := strings.Count(listed, "\n"), len(rest); got != want {
		return fmt.Errorf("SHA256SUMS has %d lines for %d files", got, want)
	}
	return nil
}

// verifyArchive checks that an archive is one folder of its name, and its files.
func verifyArchive(name string, data []byte) error {
	entries, err := readArchive(name, data)
	if err != nil {
		return err
	}
	folder := strings.TrimSuffix(strings.TrimSuffix(name, ".tar.gz"), ".zip") + "/"
	files := map[string]file{}
	for path, f := range entries {
		inside, ok := strings.CutPrefix(path, folder)
		if !ok {
			return fmt.Errorf("%s is not in the folder %s", path, folder)
		}
		files[inside] = f
	}
	return verifyFiles(files)
}

// verifyFiles checks that the files of an archive have right checksums, a license of marr and of every module that Go recorded in the program, and a list
// that has those modules with the same versions and sums.
func verifyFiles(files map[string]file) error {
	if err := verifySums(files); err != nil {
		return err
	}
	program, ok := files["marr"]
	if !ok {
		program, ok = files["marr.exe"]
	}
	if !ok || program.mode&0o111 == 0 || len(files["LICENSE"].data) == 0 {
		return errors.New("no program that may be executed, or no LICENSE")
	}
	info, err := buildinfo.Read(bytes.NewReader(program.data))
	if err != nil {
		return err
	}
	return verifyParts(info, files)
}

func verifyParts(info *buildinfo.BuildInfo, files map[string]file) error {
	var list spdxDocument
	if err := json.Unmarshal(files["marr.spdx.json"].data, &list); err != nil {
		return fmt.Errorf("marr.spdx.json: %w", err)
	}
	listed := map[string]spdxPackage{}
	for _, p := range list.Packages {
		listed[p.Name+"@"+p.Version] = p
	}
	licensed := map[string]bool{}
	for path, f := range files {
		if inside, ok := strings.CutPrefix(path, "licenses/"); ok && len(f.data) > 0 {
			for dir := filepath.Dir(inside); dir != "."; dir = filepath.Dir(dir) {
				licensed[filepath.ToSlash(dir)] = true
			}
		}
	}
	for _, d := range info.Deps {
		name := d.Path + "@" + d.Version
		if !licensed[name] {
			return fmt.Errorf("licenses has no text for %s", name)
		}
		if p := listed[name]; p.Declared == "" || !strings.HasSuffix(p.SourceInfo, d.Sum) {
			return fmt.Errorf("marr.spdx.json lacks %s with the sum %s", name, d.Sum)
		}
	}
	return nil
}

// readArchive returns the files of a .tar.gz or .zip archive by their paths.
func readArchive(name string, data []byte) (map[string]file, error) {
	files := map[string]file{}
	if strings.HasSuffix(name, ".zip") {
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, err
		}
		for _, f := range r.File {
			open, err := f.Open()
			if err != nil {
				return nil, err
			}
			content, err := io.ReadAll(open)
			if err != nil {
				return nil, err
			}
			files[f.Name] = file{content, int64(f.Mode().Perm())}
		}
		return files, nil
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	r := tar.NewReader(packed)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[h.Name] = file{content, h.Mode}
	}
}

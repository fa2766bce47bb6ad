package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// part is a module of the program, or something else in it, with its license texts by their paths in it.
type part struct {
	path, version, sum string
	texts              map[string][]byte
	expression         string // SPDX license expression
}

// folder returns the folder of the part's license texts in an archive.
func (p part) folder() string { return strings.TrimSuffix(p.path+"@"+p.version, "@") }

// isLicense matches the paths of license texts in a module, in lower case. Those of fonts are in a README, and some modules have a folder of them.
var isLicense = regexp.MustCompile(`(^|/)(licen[cs]e|copying|notice|patents|copyright)([.-][^/]*)?$|^(third_party_)?licenses/[^/]+$|/gofont/ttfs/readme$`)

// licenses returns the parts of a program with their licenses, sorted: its module, those that Go recorded in it, Go's own library, and for Windows the
// runtime of its C compiler.
func licenses(clone string, b binary) ([]part, error) {
	listed, err := output(clone, "go", "list", "-m", "-f", "{{.Path}}@{{.Version}} {{.Dir}}", "all")
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{b.info.Main.Path + "@": clone}
	for line := range strings.Lines(string(listed)) {
		name, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		dirs[name] = dir
	}
	root, err := output(clone, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	goVersion := strings.TrimPrefix(b.info.GoVersion, "go")
	dirs["std@"+goVersion] = strings.TrimSpace(string(root))
	deps := append([]*debug.Module{{Path: "std", Version: goVersion}}, b.info.Deps...)
	if b.system() == "windows" {
		deps = append(deps, &debug.Module{Path: "mingw-w64"})
		dirs["mingw-w64@"] = "/usr/share/doc/mingw-w64-common"
	}
	own, err := readModule(clone, b.info.Main)
	if err != nil {
		return nil, err
	}
	all := embedded(own)
	for _, d := range deps {
		m, err := readModule(dirs[d.Path+"@"+d.Version], *d)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b part) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// embedded returns the module of the program and what it contains of others, which lies in folders with licenses of their own.
func embedded(own part) []part {
	all := []part{own}
	for path, text := range own.texts {
		if dir, name := filepath.Split(path); dir != "" {
			delete(own.texts, path)
			all = append(all, part{path: own.path + "/" + filepath.Clean(dir), texts: map[string][]byte{name: text}, expression: strings.Join(identify(text), " AND ")})
		}
	}
	return all
}

// readModule reads the license texts of a module in a folder. It is an error if it has none, or none that is known.
func readModule(dir string, of debug.Module) (part, error) {
	m := part{path: of.Path, version: of.Version, sum: of.Sum, texts: map[string][]byte{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, path)
		if err != nil || inside == "." {
			return err
		}
		if d.IsDir() {
			return skipFolder(m.path, d.Name())
		}
		if isLicense.MatchString(strings.ToLower(inside)) && filepath.Ext(inside) != ".go" {
			m.texts[inside], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		return m, fmt.Errorf("licenses of %s in %s: %w", of.Path, dir, err)
	}
	if len(m.texts) == 0 { // some state their license in the README alone
		if m.texts["README.md"], err = os.ReadFile(filepath.Join(dir, "README.md")); err != nil {
			return m, fmt.Errorf("%s has no license: %w", of.Path, err)
		}
	}
	if m.expression, err = expressionOf(m.texts); err != nil {
		return m, fmt.Errorf("%s: %w", of.Path, err)
	}
	return m, nil
}

// skipFolder returns fs.SkipDir for a folder that has no license of what is linked. Go's folder has the sources of its tools and tests.
func skipFolder(of, name string) error {
	if name == "testdata" || name == "_examples" || name == "bin" || strings.HasPrefix(name, ".") || of == "std" {
		return fs.SkipDir
	}
	return nil
}

// known lists licenses by a phrase of their texts, in lower case with single spaces.
var known = []struct{ id, phrase string }{
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files"},
	{"BSD-3-Clause", "redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met:"},
	{"Apache-2.0", "apache license version 2.0, january 2004"},
	{"OFL-1.1", "sil open font license version 1.1"},
	{"CC-BY-4.0", "creative commons attribution 4.0 international public license"},
	{"FTL OR GPL-2.0-or-later", "the freetype license, which is similar to the original bsd license with an advertising clause, or * the gnu general public license (gpl), version 2 or later"},
	{"BSD-3-Clause", "a bsd-style licence which can be found here: https://golang.org/license"},
	{"ZPL-2.1", "license: zpl-2.1"},
	{gorgonia, "licensed under the gorgonia license, version 1.0"},
}

// gorgonia is not in SPDX's list. It forbids to profit directly and commercially from what it covers.
const gorgonia = "LicenseRef-Gorgonia-1.0"

// expressionOf returns the licenses of texts that do not stand in a folder, joined by AND.
func expressionOf(texts map[string][]byte) (string, error) {
	var ids []string
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		if !strings.Contains(path, "/") {
			ids = append(ids, identify(texts[path])...)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return "", fmt.Errorf("its license in %s is not one of those that tools/release knows: add it there", strings.Join(slices.Sorted(maps.Keys(texts)), ", "))
	}
	for i, id := range ids {
		if strings.Contains(id, " OR ") && len(ids) > 1 {
			ids[i] = "(" + id + ")"
		}
	}
	return strings.Join(ids, " AND "), nil
}

// identify returns the licenses that a text contains.
func identify(text []byte) (ids []string) {
	plain := strings.ToLower(strings.Join(strings.Fields(string(text)), " "))
	for _, k := range known {
		if !strings.Contains(plain, k.phrase) {
			continue
		}
		if id := k.id; id == "BSD-3-Clause" && strings.Contains(plain, "redistribution") && !strings.Contains(plain, "neither the name") {
			ids = append(ids, "BSD-2-Clause")
		} else {
			ids = append(ids, id)
		}
	}
	return ids
}

package main

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// commitTime stands for the time of a commit.
var commitTime = time.Date(2026, 11, 29, 11, 11, 36, 0, time.UTC)

// testArchive returns the files of an archive of this test's program, and its name.
func testArchive(t *testing.T) (string, map[string]file) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) == 0 {
		t.Fatal("the test's program has no modules")
	}
	b := binary{target: "windows-amd64", path: self, info: info, time: commitTime}
	all := []part{{path: info.Main.Path, texts: map[string][]byte{"LICENSE": []byte("ours")}, expression: "MIT"}}
	for _, d := range info.Deps {
		all = append(all, part{d.Path, d.Version, d.Sum, map[string][]byte{"LICENSE": []byte("theirs")}, "MIT"})
	}
	files, err := contents(b, nil, all)
	if err != nil {
		t.Fatal(err)
	}
	return "marr-" + b.number() + "-windows-amd64", files
}

func TestVerifyFindsWhatAnArchiveLacks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds an archive")
	}
	t.Parallel()
	folder, good := testArchive(t)
	license := ""
	for path := range good {
		if strings.HasPrefix(path, "licenses/golang.org/x/mod@") {
			license = path
		}
	}
	for want, change := range map[string]func(map[string]file){
		"": func(map[string]file) {},
		"licenses has no text for golang.org/x/mod": func(f map[string]file) { delete(f, license) },
		"marr.spdx.json lacks golang.org/x/mod": func(f map[string]file) {
			f["marr.spdx.json"] = file{bytes.ReplaceAll(f["marr.spdx.json"].data, []byte("h1:"), []byte("h2:")), 0o644}
		},
		"no program that may be executed": func(f map[string]file) { f["marr.exe"] = file{f["marr.exe"].data, 0o644} },
		"or no LICENSE":                   func(f map[string]file) { delete(f, "LICENSE") },
		"SHA256SUMS lacks":                func(f map[string]file) { f["README.txt"] = file{[]byte("other"), 0o644} },
	} {
		files := maps.Clone(good)
		change(files)
		if !strings.HasPrefix(want, "SHA") {
			delete(files, "SHA256SUMS")
			files["SHA256SUMS"] = file{sums(files), 0o644}
		}
		if err := verifyFiles(files); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
	dir := t.TempDir()
	if err := writeArchive(filepath.Join(dir, folder+".zip"), folder, good, commitTime); err != nil {
		t.Fatal(err)
	}
	if err := verify(dir); err == nil {
		t.Error("a release without SHA256SUMS was accepted")
	}
	if err := errors.Join(writeSums(dir), verify(dir)); err != nil {
		t.Error(err)
	}
}

func TestArchivesDependOnTheirContentAlone(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{".tar.gz", ".zip"} {
		var first []byte
		for run := range 3 {
			files := map[string]file{}
			for i := range 26 { // Go's maps differ in order
				files[strings.Repeat(string(rune('a'+i)), 1+i)+"/x"] = file{[]byte("text"), 0o644}
			}
			files["program"] = file{[]byte("program"), 0o755}
			path := filepath.Join(t.TempDir(), "marr"+suffix)
			zone := time.FixedZone("", run*3600)
			if err := writeArchive(path, "marr", files, commitTime.In(zone)); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = data
			}
			if !bytes.Equal(data, first) {
				t.Errorf("%s: two archives of the same files differ", suffix)
			}
			back, err := readArchive(path, data)
			if err != nil {
				t.Fatal(err)
			}
			if len(back) != len(files) || string(back["marr/program"].data) != "program" || back["marr/program"].mode != 0o755 || back["marr/a/x"].mode != 0o644 {
				t.Errorf("%s: %d files, program %+v", suffix, len(back), back["marr/program"])
			}
		}
	}
}

// The modules that are linked into each target, as go list has them.
func TestEveryLinkedModuleHasALicenseThatIsKnown(t *testing.T) {
	if testing.Short() {
		t.Skip("lists the packages of every system")
	}
	t.Parallel()
	for _, target := range targets {
		c := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}", "../marr")
		goos, goarch, _ := strings.Cut(target, "-")
		c.Env = append(os.Environ(), "CGO_ENABLED=1", "GOOS="+goos, "GOARCH="+goarch)
		listed, err := c.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v", target, err)
		}
		lines := slices.Compact(slices.Sorted(strings.Lines(string(listed))))
		for _, line := range lines {
			fields := strings.Fields(line)
			if len(fields) == 3 { // a package of Go's library has none, ours have no version
				m, err := readModule(fields[2], debug.Module{Path: fields[0], Version: fields[1]})
				if err != nil || len(m.texts) == 0 || m.expression == "" {
					t.Errorf("%s: %v", target, err)
				}
			}
		}
		if len(lines) < 30 {
			t.Errorf("%s: only %d modules were read", target, len(lines))
		}
	}
}

func TestLicensesAreToldApart(t *testing.T) {
	t.Parallel()
	const bsd = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that the following conditions are met:"
	mit, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want  string
		texts map[string][]byte
	}{
		{"MIT", map[string][]byte{"LICENSE": mit}},
		{"BSD-2-Clause", map[string][]byte{"LICENSE": []byte(bsd)}},
		{"BSD-3-Clause AND MIT", map[string][]byte{"COPYING": mit, "LICENSE": []byte(bsd + " Neither the name")}},
		{"MIT", map[string][]byte{"LICENSE": mit, "testcode/LICENSE": []byte(bsd)}},
		{"", map[string][]byte{"LICENSE": []byte("All rights reserved.")}},
	} {
		if got, err := expressionOf(c.texts); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q, %v: want %q", got, err, c.want)
		}
	}
	m, err := readModule("../..", debug.Module{Path: "github.com/marr-ssl/marr"})
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{"LICENSE": "MIT", "vk/LICENSE.khronos": "MIT", "export/ort/LICENSE.onnxruntime": "MIT", "ssl/data/LICENSE.fashion-mnist": "MIT",
		"ssl/report/page/assets/uplot/LICENSE": "MIT", "ssl/report/page/assets/umap/LICENSE": "Apache-2.0"}
	for path, want := range paths {
		if got := identify(m.texts[path]); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
}

func TestDebianVersionsSortAsGoVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3~rc.1", "v0.0.0-20261130082154-40cf5030fd02": "0.0.0~20261130082154~40cf5030fd02",
	} {
		if got := debVersion(version); got != want {
			t.Errorf("%s becomes %s, want %s", version, got, want)
		}
	}
}

func TestDebianCopyrightNamesCommonLicenses(t *testing.T) {
	t.Parallel()
	apache, err := os.ReadFile("../../ssl/report/page/assets/umap/LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	info := &buildinfo.BuildInfo{Main: debug.Module{Path: "github.com/marr-ssl/marr", Version: "v1.2.3"}}
	text := string(copyright(binary{info: info}, []part{
		{"a", "v1", "", map[string][]byte{"LICENSE": []byte("before\n" + string(apache) + "after\n")}, "Apache-2.0"},
		{"b", "v1", "", map[string][]byte{"LICENSE": []byte("Copyright \xa9 us")}, "MIT"}, // Latin-1
	}))
	for want, present := range map[string]bool{"before\n": true, "/usr/share/common-licenses/Apache-2.0": true, "after\n": true, "Grant of Patent License": false, "Copyright © us": true} {
		if strings.Contains(text, want) != present {
			t.Errorf("%q in the text: want %v", want, present)
		}
	}
}

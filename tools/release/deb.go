package main

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maintainer is GitHub's address of the project, which takes no mail.
const maintainer = "marr authors <marr-ssl@users.noreply.github.com>"

// writeDeb writes the Debian package of a program for Linux into a folder, by dpkg-deb, and returns its path.
func writeDeb(out string, b binary, t texts, all []part) (string, error) {
	dir, err := os.MkdirTemp("", "marr-deb-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	files, err := debFiles(b, t, all)
	if err != nil {
		return "", err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(filepath.Join(dir, path), files[path]); err != nil {
			return "", err
		}
	}
	version := debVersion(b.version())
	to := filepath.Join(out, "marr_"+version+"_"+b.processor()+".deb")
	// One thread: with more, the compressed bytes depend on how many there are.
	c := exec.Command("dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", dir, to)
	c.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", b.time.Unix()))
	if text, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("dpkg-deb: %w: %s", err, bytes.TrimSpace(text))
	}
	return to, nil
}

// writeFile writes a file, whose folders everyone may read, whatever the umask is.
func writeFile(path string, f file) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		if strings.HasPrefix(filepath.Base(dir), "marr-deb-") {
			break
		}
	}
	return errors.Join(os.WriteFile(path, f.data, 0o644), os.Chmod(path, os.FileMode(f.mode)))
}

// debVersion returns a version in Debian's order: a tilde sorts before the end, so pre-releases come before their release.
func debVersion(version string) string {
	return strings.ReplaceAll(strings.TrimPrefix(version, "v"), "-", "~")
}

// debFiles returns the content of a Debian package, and its control files in DEBIAN.
func debFiles(b binary, t texts, all []part) (map[string]file, error) {
	program, err := os.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	sbom, err := spdx(b, all)
	if err != nil {
		return nil, err
	}
	changelog := fmt.Sprintf("marr (%s) unstable; urgency=medium\n\n  * See https://%s.\n\n -- %s  %s\n",
		debVersion(b.version()), b.info.Main.Path, maintainer, b.time.Format(time.RFC1123Z))
	files := map[string]file{
		"usr/bin/marr":                                  {program, 0o755},
		"usr/share/man/man1/marr.1.gz":                  {zipped(t.man), 0o644},
		"usr/share/doc/marr/changelog.gz":               {zipped([]byte(changelog)), 0o644},
		"usr/share/doc/marr/copyright":                  {copyright(b, all), 0o644},
		"usr/share/doc/marr/marr.spdx.json.gz":          {zipped(sbom), 0o644},
		"usr/share/bash-completion/completions/marr":    {t.bash, 0o644},
		"usr/share/zsh/vendor-completions/_marr":        {t.zsh, 0o644},
		"usr/share/fish/vendor_completions.d/marr.fish": {t.fish, 0o644},
	}
	size, md5s := 0, ""
	for _, path := range slices.Sorted(maps.Keys(files)) {
		size += len(files[path].data)
		md5s += fmt.Sprintf("%x  %s\n", md5.Sum(files[path].data), path)
	}
	files["DEBIAN/md5sums"] = file{[]byte(md5s), 0o644}
	needs, err := glibc(b.path)
	if err != nil {
		return nil, err
	}
	files["DEBIAN/control"] = file{fmt.Appendf(nil, `Package: marr
Version: %s
Architecture: %s
Maintainer: %s
Installed-Size: %d
Depends: libc6 (>= %s), libvulkan1
Recommends: mesa-vulkan-drivers
Section: science
Priority: optional
Homepage: https://%s
Description: self-supervised training of image backbones on Vulkan
 marr pre-trains ResNets, ConvNeXts and vision transformers without labels on
 any Vulkan device, also on a CPU, measures and fine-tunes them, and exports
 them as ONNX and safetensors for PyTorch and ONNX Runtime. It needs neither
 Python nor CUDA.
`, debVersion(b.version()), b.processor(), maintainer, size/1024, needs, b.info.Main.Path), 0o644}
	return files, nil
}

// copyright returns the licenses of a program in one text. Debian has common ones in a folder, which the text names in place of a copy.
func copyright(b binary, all []part) []byte {
	var out strings.Builder
	fmt.Fprintf(&out, "marr %s\nSource: https://%s\n\nThis package contains marr and parts of others. Each has its own license.\n", b.version(), b.info.Main.Path)
	for _, m := range all {
		for _, path := range slices.Sorted(maps.Keys(m.texts)) {
			text := withoutCommon(inUTF8(m.texts[path]))
			fmt.Fprintf(&out, "\n%s\n%s: %s (%s)\n\n%s", strings.Repeat("=", 80), m.folder(), path, m.expression, text)
		}
	}
	return []byte(out.String())
}

// inUTF8 returns a text that is in UTF-8 or Latin-1.
func inUTF8(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	var out strings.Builder
	for _, b := range text {
		out.WriteRune(rune(b))
	}
	return out.String()
}

// common matches the licenses that Debian has in its folder of common licenses, and says where.
var common = []struct {
	text  *regexp.Regexp
	where string
}{
	{regexp.MustCompile(`(?s)Apache License\s+Version 2\.0, January 2004.*?END OF TERMS AND CONDITIONS`), "Apache License, Version 2.0: /usr/share/common-licenses/Apache-2.0"},
	{regexp.MustCompile(`(?s)GNU GENERAL PUBLIC LICENSE\s+Version 2, June 1991.*?END OF TERMS AND CONDITIONS`), "GNU General Public License, Version 2: /usr/share/common-licenses/GPL-2"},
}

// withoutCommon replaces common licenses in a text by their paths on Debian.
func withoutCommon(text string) string {
	for _, c := range common {
		text = c.text.ReplaceAllLiteralString(text, c.where)
	}
	return text
}

// zipped compresses a file of a package, without name and time.
func zipped(data []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}

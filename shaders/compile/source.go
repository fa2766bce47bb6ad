// Package compile compiles the GLSL of package shaders to SPIR-V with glslc, and detects differences between the two.
//
// Scan returns the Shaders of a folder, one per variant, each with a Key: the hash of everything that its SPIR-V depends on. For each
// shader, spv/manifest.json holds that key, the hash of the SPIR-V and the version of the compiler. Update compiles the shaders whose key
// differs from the manifest. Check finds all differences without compiling.
package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Shader is the source of one SPIR-V file.
type Shader struct {
	Name    string   // <op>, or <op>.<variant>
	Source  string   // file name in the folder
	Defines []string // -DNAME or -DNAME=VALUE, in order
	Target  string   // vulkan1.0, vulkan1.1 …
	Needs   string   // a GLSL extension, or one of SPIR-V and the number of its capability, that older compilers lack; "" for most
	Key     string   // sha256, in hexadecimal, of source, includes, defines and target
}

var (
	directive = regexp.MustCompile(`^//!\s*(\S*)\s*(.*)$`)
	include   = regexp.MustCompile(`(?m)^\s*#\s*include\s+["<]([^">]+)[">]`)
	define    = regexp.MustCompile(`^-D[A-Za-z_][A-Za-z0-9_]*(=\S+)?$`)
	target    = regexp.MustCompile(`^vulkan1\.[0-9]$`)
	extension = regexp.MustCompile(`^(GL_[A-Za-z0-9_]+|SPV_[A-Za-z0-9_]+ [0-9]+)$`)
	word      = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// Scan reads the *.comp files of a folder and returns their shaders, sorted by source and in the order of the variant lines.
func Scan(dir string) ([]Shader, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.comp"))
	if err != nil {
		return nil, fmt.Errorf("compile: folder %s: %w", dir, err)
	}
	var all []Shader
	for _, p := range paths {
		list, err := scanSource(dir, filepath.Base(p))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// scanSource reads the directives of one source.
func scanSource(dir, source string) ([]Shader, error) {
	base := strings.TrimSuffix(source, ".comp")
	if !word.MatchString(base) {
		return nil, fmt.Errorf("compile: %s: the name of a source may contain only letters, digits, _ and -: rename it", source)
	}
	text, err := os.ReadFile(filepath.Join(dir, source))
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	env, needs := "vulkan1.0", ""
	var list []Shader
	seen := map[string]bool{}
	for i, line := range strings.Split(string(text), "\n") {
		m := directive.FindStringSubmatch(strings.TrimRight(line, "\r "))
		if m == nil {
			continue
		}
		arg := strings.Fields(m[2])
		switch {
		case m[1] == "target" && len(arg) == 1 && target.MatchString(arg[0]):
			env = arg[0]
		case m[1] == "needs" && extension.MatchString(m[2]):
			needs = m[2]
		case m[1] == "variant" && len(arg) > 0 && word.MatchString(arg[0]) && !seen[arg[0]] && allDefines(arg[1:]):
			seen[arg[0]] = true
			list = append(list, Shader{Name: base + "." + arg[0], Source: source, Defines: arg[1:]})
		default:
			return nil, fmt.Errorf("compile: %s:%d: %q: expected `//! variant <new name> -DX=1 …`, `//! target vulkan1.1`, `//! needs GL_EXT_name` or `//! needs SPV_EXT_name 1234`", source, i+1, line)
		}
	}
	if len(list) == 0 {
		list = []Shader{{Name: base, Source: source}}
	}
	deps, err := dependencies(dir, source, text)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Target, list[i].Needs = env, needs
		sum := sha256.Sum256([]byte(deps + "\n" + strings.Join(list[i].Defines, " ") + "\n" + env))
		list[i].Key = hex.EncodeToString(sum[:])
	}
	return list, nil
}

func allDefines(args []string) bool {
	for _, a := range args {
		if !define.MatchString(a) {
			return false
		}
	}
	return true
}

// dependencies returns one line (name, sha256) for the source and for every file that it includes, directly or indirectly, in the order
// of the first include. It counts an include inside an #if too.
func dependencies(dir, source string, text []byte) (string, error) {
	var out strings.Builder
	seen := map[string]bool{source: true}
	var visit func(name string, text []byte) error
	visit = func(name string, text []byte) error {
		fmt.Fprintf(&out, "%s %x\n", name, sha256.Sum256(text))
		for _, m := range include.FindAllSubmatch(text, -1) {
			inc := string(m[1])
			if seen[inc] {
				continue
			}
			seen[inc] = true
			body, err := os.ReadFile(filepath.Join(dir, inc))
			if err != nil {
				return fmt.Errorf("compile: %s: include: %w", name, err)
			}
			if err := visit(inc, body); err != nil {
				return err
			}
		}
		return nil
	}
	err := visit(source, text)
	return out.String(), err
}

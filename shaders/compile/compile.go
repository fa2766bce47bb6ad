package compile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/marr-ssl/marr/vk/filesys"
)

// Entry is the origin of a SPIR-V file.
type Entry struct {
	Key      string `json:"source"`   // Shader.Key at compilation
	SPIRV    string `json:"spirv"`    // sha256 of the file, in hexadecimal
	Compiler string `json:"compiler"` // the result of Version, or that of the newer compiler
	// Push names the members of the push-constant block in order, separated by spaces. The SPIR-V itself has no names.
	Push string `json:"push,omitempty"`
}

// Manifest is the content of spv/manifest.json: entries by shader name.
type Manifest map[string]Entry

// ReadManifest returns the manifest of a folder of sources, which is empty if the file is missing.
func ReadManifest(dir string) (Manifest, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "spv", "manifest.json"))
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	m := Manifest{}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("compile: %s/spv/manifest.json: %w", dir, err)
	}
	return m, nil
}

func (m Manifest) write(dir string) error {
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fmt.Errorf("compile: manifest: %w", err)
	}
	return replace(filepath.Join(dir, "spv", "manifest.json"), append(raw, '\n'))
}

// replace writes a file atomically, so that a concurrent build does not embed a partial shader.
func replace(path string, data []byte) error {
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	if err := filesys.Replace(tmp, path); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	return nil
}

// Version returns the version of the installed glslc and its libraries, on one line.
func Version() (string, error) {
	v, err := installed.version()
	if err != nil {
		return "", fmt.Errorf("compile: glslc: %w: install it (Debian: apt-get install glslc)", err)
	}
	return v, nil
}

// compiler is the command of a glslc.
type compiler []string

var installed = compiler{"glslc"}

// newerVariable names the environment variable with the command of a newer glslc, for sources that need what the installed one lacks.
const newerVariable = "MARR_GLSLC"

// compilerFor returns the compiler of a shader.
func compilerFor(s Shader) (compiler, error) {
	newer := compiler(strings.Fields(os.Getenv(newerVariable)))
	switch {
	case s.Needs == "" || installed.has(s.Needs):
		return installed, nil
	case len(newer) == 0:
		return nil, fmt.Errorf("compile: %s: the installed glslc lacks %s: set %s to the command of a newer one, or run make shaders", s.Name, s.Needs, newerVariable)
	}
	return newer, nil
}

func (c compiler) command(args ...string) *exec.Cmd {
	return exec.Command(c[0], append(slices.Clone(c[1:]), args...)...)
}

// has reports whether the compiler knows what a shader needs. Only glslc's optimizer refuses capabilities that it does not know.
func (c compiler) has(needs string) bool {
	source := "#extension " + needs + " : require\nvoid main() {}\n"
	if extension, capability, ok := strings.Cut(needs, " "); ok {
		const negate = 127 // OpFNegate
		source = fmt.Sprintf("#extension GL_EXT_spirv_intrinsics : require\nspirv_instruction(extensions = [%q], capabilities = [%s], id = %d) float f(float x);\n"+
			"void main() { f(1); }\n", extension, capability, negate)
	}
	cmd := c.command("-O", "-fshader-stage=comp", "-o", "-", "-")
	cmd.Stdin = strings.NewReader("#version 450\n" + source)
	return cmd.Run() == nil
}

func (c compiler) version() (string, error) {
	out, err := c.command("--version").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", err
	}
	var parts []string
	for _, line := range strings.Split(string(out), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "Target:") {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, ", "), nil
}

// Compile returns the SPIR-V of one shader; the error includes the messages of glslc.
func Compile(dir string, s Shader) ([]byte, error) { return glslc(dir, s, "-O") }

// glslc compiles a shader at an optimization level: -O, which strips all names, or -O0, which keeps them.
func glslc(dir string, s Shader, level string) ([]byte, error) {
	c, err := compilerFor(s)
	if err != nil {
		return nil, err
	}
	args := append([]string{level, "--target-env=" + s.Target, "-fshader-stage=comp", "-I", "."}, s.Defines...)
	cmd := c.command(append(args, "-o", "-", s.Source)...)
	cmd.Dir = dir
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("compile: %s: glslc: %w\n%s", s.Name, err, strings.TrimSpace(msg.String()))
	}
	return out.Bytes(), nil
}

// Problem is one shader whose SPIR-V differs from its source.
type Problem struct{ Name, What string }

// Check compares sources, manifest and SPIR-V files by their hashes and returns the differences, sorted by name. It compiles nothing.
func Check(dir string) ([]Problem, error) {
	list, err := Scan(dir)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	var bad []Problem
	known := map[string]bool{}
	for _, s := range list {
		known[s.Name] = true
		if what := state(dir, s, m); what != "" {
			bad = append(bad, Problem{s.Name, what})
		}
	}
	for _, name := range orphans(dir, m, known) {
		bad = append(bad, Problem{name, "has SPIR-V or a manifest entry, but no source"})
	}
	sort.Slice(bad, func(i, j int) bool { return bad[i].Name < bad[j].Name })
	return bad, nil
}

// state returns the reason to compile a shader, or "" if it is current.
func state(dir string, s Shader, m Manifest) string {
	e, ok := m[s.Name]
	raw, err := os.ReadFile(filepath.Join(dir, "spv", s.Name+".spv"))
	switch {
	case !ok:
		return "is new"
	case err != nil:
		return "has no SPIR-V file"
	case e.Key != s.Key:
		return "has a changed source"
	case e.SPIRV != digest(raw):
		return "has SPIR-V that differs from the compiler's"
	}
	return ""
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// orphans returns the sorted names that have a SPIR-V file or a manifest entry, but no source.
func orphans(dir string, m Manifest, known map[string]bool) []string {
	found := map[string]bool{}
	for name := range m {
		found[name] = true
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "spv", "*.spv")) // the pattern is well formed
	for _, p := range paths {
		found[strings.TrimSuffix(filepath.Base(p), ".spv")] = true
	}
	var names []string
	for name := range found {
		if !known[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// Update compiles the changed sources, `workers` at a time, and deletes orphans. It calls log with one line for each. A source that does
// not compile keeps its old SPIR-V and manifest entry; Update writes the others and returns the joined errors. The file spv/lock, while it is locked,
// excludes concurrent updates.
func Update(dir string, workers int, log func(string)) error {
	spv := filepath.Join(dir, "spv")
	if err := os.MkdirAll(spv, 0o755); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	lock, err := filesys.WaitLock(context.Background(), filepath.Join(spv, "lock"), func() {})
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	defer lock.Close()
	defer os.Remove(lock.Name())
	list, err := Scan(dir)
	if err != nil {
		return err
	}
	m, err := ReadManifest(dir)
	if err != nil {
		return err
	}
	todo, known := map[string]string{}, map[string]bool{}
	for _, s := range list {
		known[s.Name] = true
		if what := state(dir, s, m); what != "" {
			todo[s.Name] = what
		}
	}
	for _, name := range orphans(dir, m, known) {
		if err := os.Remove(filepath.Join(spv, name+".spv")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("compile: %w", err)
		}
		delete(m, name)
		log("removed " + name)
	}
	failed := compileAll(dir, list, todo, m, workers, log)
	return errors.Join(failed, m.write(dir))
}

// compileAll compiles the shaders in todo and adds them to the manifest.
func compileAll(dir string, list []Shader, todo map[string]string, m Manifest, workers int, log func(string)) error {
	if len(todo) == 0 {
		return nil
	}
	if _, err := Version(); err != nil {
		return err
	}
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		failed []error
		slots  = make(chan struct{}, workers)
	)
	for _, s := range list {
		why, need := todo[s.Name]
		if !need {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			entry, code, err := compileOne(dir, s)
			if err == nil {
				err = replace(filepath.Join(dir, "spv", s.Name+".spv"), code)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, err)
				return
			}
			m[s.Name] = entry
			log(fmt.Sprintf("compiled %s (%s; %d bytes)", s.Name, why, len(code)))
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// compileOne returns the SPIR-V of a shader and its manifest entry.
func compileOne(dir string, s Shader) (e Entry, code []byte, err error) {
	c, err := compilerFor(s)
	if err != nil {
		return e, nil, err
	}
	e.Key = s.Key
	if e.Compiler, err = c.version(); err != nil {
		return e, nil, fmt.Errorf("compile: %s: %s: %w", s.Name, strings.Join(c, " "), err)
	}
	if code, err = Compile(dir, s); err != nil {
		return e, nil, err
	}
	e.SPIRV = digest(code)
	e.Push, err = pushNames(dir, s)
	return e, code, err
}

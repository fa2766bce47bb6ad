package main

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// allowText has the shaders that may spill, see allow.txt.
//
//go:embed allow.txt
var allowText string

// parseAllowed reads lines "shader: reason"; # begins a comment line.
func parseAllowed(text string) (map[string]string, error) {
	allowed := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		shader, reason, _ := strings.Cut(line, ":")
		shader, reason = strings.TrimSpace(shader), strings.TrimSpace(reason)
		if shader == "" || reason == "" {
			return nil, fmt.Errorf("allow.txt: line %d: %q: want shader: reason", i+1, line)
		}
		if allowed[shader] != "" {
			return nil, fmt.Errorf("allow.txt: line %d: %s stands there twice", i+1, shader)
		}
		allowed[shader] = reason
	}
	return allowed, nil
}

func (r Row) spills() bool { return r.SpilledVGPRs+r.SpilledSGPRs+r.Scratch > 0 }

// judge returns an error that names every shader that spills or uses scratch and is not allowed to, and every one that is allowed to and
// does not.
func judge(all []Family, allowed map[string]string) error {
	var errs []error
	idle := maps.Clone(allowed)
	for _, f := range all {
		for _, r := range f.Shaders {
			if !r.spills() {
				continue
			}
			delete(idle, r.Shader)
			if allowed[r.Shader] == "" {
				errs = append(errs, fmt.Errorf("%s: %s spills %d VGPRs and %d SGPRs and uses %d bytes of scratch: use fewer registers, or say why in tools/shaderstats/allow.txt",
					f.Family, r.Shader, r.SpilledVGPRs, r.SpilledSGPRs, r.Scratch))
			}
		}
	}
	for _, shader := range slices.Sorted(maps.Keys(idle)) {
		errs = append(errs, fmt.Errorf("%s spills nowhere: take it out of tools/shaderstats/allow.txt", shader))
	}
	return errors.Join(errs...)
}

// table is a Markdown page with one table a family.
func table(all []Family, allowed map[string]string) string {
	var b strings.Builder
	b.WriteString("# What each shader takes on AMD GPUs\n\nMade by `make shaderstats`: compiled, not run, with the default specialization constants. VGPRs are those of a lane, SGPRs of a\n" +
		"subgroup, sizes in bytes (LDS: shared memory of a work group). Subgroups: how many a SIMD unit holds at once, by registers and shared memory.\n")
	for _, f := range all {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", f.Family, f.Driver)
		b.WriteString("| shader | VGPRs | SGPRs | spilled VGPRs | spilled SGPRs | LDS | scratch | code | subgroups |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
		for _, r := range f.Shaders {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d |\n", r.Shader, r.VGPRs, r.SGPRs, r.SpilledVGPRs, r.SpilledSGPRs, r.LDS, r.Scratch, r.Code,
				r.Subgroups)
		}
	}
	if len(allowed) > 0 {
		b.WriteString("\n## Allowed to spill\n\n")
	}
	for _, shader := range slices.Sorted(maps.Keys(allowed)) {
		fmt.Fprintf(&b, "- %s: %s\n", shader, allowed[shader])
	}
	return b.String()
}

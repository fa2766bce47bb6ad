package main

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// allowText lists the shaders that may spill.
//
//go:embed allow.txt
var allowText string

// parseAllowed parses lines "shader: reason". Lines that begin with # are comments.
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
			return nil, fmt.Errorf("allow.txt: line %d: %s is listed twice", i+1, shader)
		}
		allowed[shader] = reason
	}
	return allowed, nil
}

func (r Row) spills() bool { return r.SpilledVGPRs+r.SpilledSGPRs+r.Scratch > 0 }

// checkSpills returns an error with every shader that spills or uses scratch memory but is not allowed to, and every shader that is
// allowed to but does neither.
func checkSpills(all []Family, allowed map[string]string) error {
	var errs []error
	unused := maps.Clone(allowed)
	for _, f := range all {
		for _, r := range f.Shaders {
			if !r.spills() {
				continue
			}
			delete(unused, r.Shader)
			if allowed[r.Shader] == "" {
				errs = append(errs, fmt.Errorf("%s: %s spills %d VGPRs and %d SGPRs and uses %d bytes of scratch: use fewer registers, or add it with a reason to tools/shaderstats/allow.txt",
					f.Family, r.Shader, r.SpilledVGPRs, r.SpilledSGPRs, r.Scratch))
			}
		}
	}
	for _, shader := range slices.Sorted(maps.Keys(unused)) {
		errs = append(errs, fmt.Errorf("%s spills nowhere: remove it from tools/shaderstats/allow.txt", shader))
	}
	return errors.Join(errs...)
}

// table returns a Markdown page with a table for each family.
func table(all []Family, allowed map[string]string) string {
	var b strings.Builder
	b.WriteString("# Registers, spills and occupancy of each shader on AMD GPUs\n\n`make shaderstats` generates this file. It compiles the shaders with default specialization constants and runs nothing.\n" +
		"VGPRs are per lane, SGPRs per subgroup, sizes in bytes. LDS: shared memory of a work group. Subgroups: occupancy of a SIMD unit,\nlimited by registers and shared memory.\n")
	for _, f := range all {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", f.Family, f.Driver)
		b.WriteString("| shader | VGPRs | SGPRs | spilled VGPRs | spilled SGPRs | LDS | scratch | code | subgroups |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
		for _, r := range f.Shaders {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d |\n", r.Shader, r.VGPRs, r.SGPRs, r.SpilledVGPRs, r.SpilledSGPRs, r.LDS, r.Scratch, r.Code,
				r.Subgroups)
		}
	}
	if len(allowed) > 0 {
		b.WriteString("\n## Shaders that may spill\n\n")
	}
	for _, shader := range slices.Sorted(maps.Keys(allowed)) {
		fmt.Fprintf(&b, "- %s: %s\n", shader, allowed[shader])
	}
	return b.String()
}

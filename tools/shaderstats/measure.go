package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"marr/shaders"
	"marr/vk"
)

// Family holds RADV's statistics of all shaders for one GPU family.
type Family struct {
	Family  string `json:"family"`
	Driver  string `json:"driver"`
	Shaders []Row  `json:"shaders"`
}

// Row holds RADV's statistics of one shader. Sizes are in bytes.
type Row struct {
	Shader       string `json:"shader"`
	VGPRs        int    `json:"vgprs"` // per lane
	SGPRs        int    `json:"sgprs"` // per subgroup
	SpilledVGPRs int    `json:"spilled_vgprs"`
	SpilledSGPRs int    `json:"spilled_sgprs"`
	LDS          int    `json:"lds"` // shared memory of a work group
	Scratch      int    `json:"scratch"`
	Code         int    `json:"code"`
	Subgroups    int    `json:"subgroups_per_simd"` // occupancy
}

// fields maps RADV's names of the statistics to the fields.
func (r *Row) fields() map[string]*int {
	return map[string]*int{"VGPRs": &r.VGPRs, "SGPRs": &r.SGPRs, "Spilled VGPRs": &r.SpilledVGPRs, "Spilled SGPRs": &r.SpilledSGPRs,
		"LDS size": &r.LDS, "Scratch size": &r.Scratch, "Code size": &r.Code, "Subgroups per SIMD": &r.Subgroups}
}

// rowOf returns the row of a shader. It fails if a statistic is missing.
func rowOf(shader string, statistics []vk.Statistic) (Row, error) {
	r := Row{Shader: shader}
	missing := r.fields()
	for _, s := range statistics {
		if p := missing[s.Name]; p != nil {
			*p = int(s.Value)
			delete(missing, s.Name)
		}
	}
	for name := range missing {
		return r, fmt.Errorf("%s: the driver does not report %q", shader, name)
	}
	return r, nil
}

// radv has the paths that tools/setup/radv.sh prints.
type radv struct{ icd, libraries string }

// childFlag starts a process that measures one family. The driver reads the family from the environment when it is loaded, and a compiler
// crash ends only the child process.
const childFlag = "measure"

func (d radv) measure(family string) (Family, error) {
	self, err := os.Executable()
	if err != nil {
		return Family{}, err
	}
	c := exec.Command(self, "--"+childFlag, family)
	c.Env = append(os.Environ(), "RADV_FORCE_FAMILY="+family, "VK_ICD_FILENAMES="+d.icd, "VK_DRIVER_FILES="+d.icd,
		"LD_LIBRARY_PATH="+d.libraries, "MARR_DEVICE=0", "MARR_VALIDATION=0", "MESA_SHADER_CACHE_DISABLE=true")
	var out, stderr bytes.Buffer
	c.Stdout, c.Stderr = &out, &stderr
	runErr := c.Run()
	f := Family{Family: family}
	decoder := json.NewDecoder(&out)
	err = decoder.Decode(&f.Driver)
	for err == nil {
		var r Row
		if err = decoder.Decode(&r); err == nil {
			f.Shaders = append(f.Shaders, r)
		}
	}
	if runErr != nil {
		where, why := family, strings.TrimSpace(stderr.String())
		if names := shaders.Names(); f.Driver != "" && len(f.Shaders) < len(names) {
			where += ": " + names[len(f.Shaders)]
		}
		return f, fmt.Errorf("%s: %w: %s", where, runErr, why[:min(len(why), 1000)]) // a crash prints pages of stack traces
	}
	if !errors.Is(err, io.EOF) {
		return f, fmt.Errorf("%s: %w", family, err)
	}
	return f, nil
}

// child compiles every shader on the null device and prints the driver and each Row as JSON as soon as it is available. It does not close
// the device, because waiting for a queue of the null device crashes.
func child(family string) error {
	d, err := vk.Open("", vk.Options{})
	if err != nil {
		return err
	}
	if name := d.Info().Name; !strings.Contains(strings.ToLower(name), family) {
		return fmt.Errorf("the device is %q: use the driver file that tools/setup/radv.sh prints", name)
	}
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(d.Info().Driver); err != nil {
		return err
	}
	for _, name := range shaders.Names() {
		r, err := compile(d, name)
		if err != nil {
			return err
		}
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func compile(d *vk.Device, name string) (Row, error) {
	code, err := shaders.SPIRV(name)
	if err != nil {
		return Row{}, err
	}
	bindings, bytes := shaders.Reflect(code)
	p, err := d.Pipeline(vk.Kernel{Name: name, Code: code, Bindings: bindings, Texel: shaders.TexelBindings(code), PushBytes: bytes})
	if err != nil {
		return Row{}, err
	}
	statistics, err := p.Statistics()
	if err != nil {
		return Row{}, err
	}
	return rowOf(name, statistics)
}

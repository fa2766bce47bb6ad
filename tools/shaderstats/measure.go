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

// Family is what RADV tells of all shaders for one generation.
type Family struct {
	Family  string `json:"family"`
	Driver  string `json:"driver"`
	Shaders []Row  `json:"shaders"`
}

// Row is what RADV tells of one shader. Sizes are in bytes.
type Row struct {
	Shader       string `json:"shader"`
	VGPRs        int    `json:"vgprs"` // of a lane
	SGPRs        int    `json:"sgprs"` // of a subgroup
	SpilledVGPRs int    `json:"spilled_vgprs"`
	SpilledSGPRs int    `json:"spilled_sgprs"`
	LDS          int    `json:"lds"` // shared memory of a work group
	Scratch      int    `json:"scratch"`
	Code         int    `json:"code"`
	Subgroups    int    `json:"subgroups_per_simd"` // at once: occupancy
}

// fields says which of RADV's statistics goes where.
func (r *Row) fields() map[string]*int {
	return map[string]*int{"VGPRs": &r.VGPRs, "SGPRs": &r.SGPRs, "Spilled VGPRs": &r.SpilledVGPRs, "Spilled SGPRs": &r.SpilledSGPRs,
		"LDS size": &r.LDS, "Scratch size": &r.Scratch, "Code size": &r.Code, "Subgroups per SIMD": &r.Subgroups}
}

// row picks a shader's numbers; every one must be told.
func row(shader string, told []vk.Statistic) (Row, error) {
	r := Row{Shader: shader}
	want := r.fields()
	for _, s := range told {
		if p := want[s.Name]; p != nil {
			*p = int(s.Value)
			delete(want, s.Name)
		}
	}
	for name := range want {
		return r, fmt.Errorf("%s: the driver does not tell %q", shader, name)
	}
	return r, nil
}

// radv is where tools/setup/radv.sh has put the driver.
type radv struct{ icd, libraries string }

// childFlag makes a process that measures one family. The family is fixed in the environment when the driver is loaded, and a compiler
// that crashes takes only its own process along.
const childFlag = "measure"

func (d radv) measure(family string) (Family, error) {
	self, err := os.Executable()
	if err != nil {
		return Family{}, err
	}
	c := exec.Command(self, "--"+childFlag, family)
	c.Env = append(os.Environ(), "RADV_FORCE_FAMILY="+family, "VK_ICD_FILENAMES="+d.icd, "VK_DRIVER_FILES="+d.icd,
		"LD_LIBRARY_PATH="+d.libraries, "MARR_DEVICE=0", "MARR_VALIDATION=0", "MESA_SHADER_CACHE_DISABLE=true")
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	failed := c.Run()
	f := Family{Family: family}
	answer := json.NewDecoder(&out)
	err = answer.Decode(&f.Driver)
	for err == nil {
		var r Row
		if err = answer.Decode(&r); err == nil {
			f.Shaders = append(f.Shaders, r)
		}
	}
	if failed != nil {
		where, why := family, strings.TrimSpace(said.String())
		if names := shaders.Names(); f.Driver != "" && len(f.Shaders) < len(names) {
			where += ": " + names[len(f.Shaders)]
		}
		return f, fmt.Errorf("%s: %w: %s", where, failed, why[:min(len(why), 1000)]) // a crash has pages of stacks behind it
	}
	if !errors.Is(err, io.EOF) {
		return f, fmt.Errorf("%s: %w", family, err)
	}
	return f, nil
}

// child compiles every shader on the null device and prints the driver and the Rows as JSON, each as soon as it is known. The device is
// not closed: waiting for a queue that does not exist crashes.
func child(family string) error {
	d, err := vk.Open("", vk.Options{Statistics: true})
	if err != nil {
		return err
	}
	if name := d.Info().Name; !strings.Contains(strings.ToLower(name), family) {
		return fmt.Errorf("the device is %q: give the driver file that tools/setup/radv.sh prints", name)
	}
	answer := json.NewEncoder(os.Stdout)
	if err := answer.Encode(d.Info().Driver); err != nil {
		return err
	}
	for _, name := range shaders.Names() {
		r, err := compile(d, name)
		if err != nil {
			return err
		}
		if err := answer.Encode(r); err != nil {
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
	told, err := p.Statistics()
	if err != nil {
		return Row{}, err
	}
	return row(name, told)
}

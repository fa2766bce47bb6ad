package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/shaders"
	"github.com/marr-ssl/marr/vk"
)

// result holds what a GPU's compiler made of the shaders.
type result struct {
	gpu
	driver string
	rows   []row
}

// row holds the statistics of one shader. Registers are per lane, or on Intel for 8 lanes (16 on bmg) in units of a register; code is in bytes.
type row struct {
	Shader    string
	Fits      bool `json:"-"` // the GPU may get it
	Registers int
	Spills    int // vk.Spills
	Code      int
	Slow      bool // its compilation was given up
	Lacks     bool // the GPU lacks instructions that it needs
	Loop      loop // of tiles, where the driver shows assembly
	Narrow    loop // Loop, compiled for 32 lanes: of a gpu that pairs
}

// compiled is a shader with the values of WHOLE, and of NORMED and NORM_BACK.
type compiled struct {
	name          string
	whole, normed bool
}

func (c compiled) String() string {
	name := c.name
	if c.whole {
		name += " whole"
	}
	if c.normed {
		name += " normed"
	}
	return name
}

// A selection says what is compiled, see main.
type selection struct {
	only string
	all  bool
}

// list returns the shaders for the GPUs of a vendor. Those that read texel buffers are for CPU devices, and those that multiply halves as floats for tests.
func (s selection) list(g gpu) (out []compiled) {
	for _, name := range shaders.Names() {
		if strings.HasSuffix(name, "texel") || strings.HasSuffix(name, "_floats") || !strings.Contains(g.vendor+"/"+g.name+"/"+name, s.only) ||
			!slices.ContainsFunc(gpus, func(o gpu) bool { return o.vendor == g.vendor && o.has(name) }) {
			continue
		}
		all := []compiled{{name: name}}
		if isTile(name) {
			all = append(all, compiled{name, true, false})
			if !strings.Contains(name, "sums") { // gradients are not read through a norm
				all = append(all, compiled{name, true, true})
			}
		}
		out = append(out, slices.DeleteFunc(all, func(c compiled) bool { return !s.all && !g.fits(c) })...)
	}
	return out
}

// isTile reports whether a shader is of a family of tiles (shaders/tiled.glsl).
func isTile(shader string) bool {
	return slices.ContainsFunc([]string{"tiled.", "packed.", "coop."}, func(p string) bool { return strings.HasPrefix(shader, p) })
}

// has reports whether the GPU has the instructions that a shader needs.
func (g gpu) has(shader string) bool {
	code, err := shaders.SPIRV(shader)
	return err == nil && (g.matrices || !shaders.UsesMatrices(code)) && (g.dots || !shaders.UsesDots(code))
}

// fits reports whether the GPU may get a shader.
func (g gpu) fits(c compiled) bool {
	d, kernel := vk.Info{VendorID: statistics[g.vendor].id}, kernelOf(c.name)
	return kernels.Fits(d, kernel) && (!c.normed || kernels.FitsNormed(d, kernel))
}

// kernelOf returns the kernel of a shader, without the way in which it reads its inputs.
func kernelOf(shader string) string {
	return strings.TrimSuffix(strings.TrimSuffix(shader, "_plain"), ".plain")
}

// A child process compiles for one GPU, from the first shader of a number on. The driver reads the environment when it is loaded, and a compiler that
// crashes or does not end takes only the child with it.
const (
	childFlag = "measure"
	firstFlag = "first"
)

// patience is how long one shader may take to compile.
const patience = time.Minute

// measure compiles the shaders for a GPU.
func (g gpu) measure(folder string, which selection) (result, error) {
	r := result{gpu: g}
	all := which.list(g)
	for len(r.rows) < len(all) {
		ended, err := r.continueFrom(folder, which)
		if err != nil {
			return r, fmt.Errorf("%s %s: %w", g.vendor, g.name, err)
		}
		if !ended {
			r.rows = append(r.rows, row{Shader: all[len(r.rows)].String(), Slow: true})
		}
	}
	for i := range r.rows {
		r.rows[i].Fits = g.fits(all[i])
	}
	return r, nil
}

// continueFrom starts a child at the next shader and collects its rows. It returns false if the child was stopped at a shader for lack of patience.
func (r *result) continueFrom(folder string, which selection) (ended bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	c := r.command(folder, self, "--"+childFlag, r.vendor+"/"+r.name, "--"+firstFlag, fmt.Sprint(len(r.rows)), "--only", which.only, fmt.Sprintf("--all=%v", which.all))
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := c.Start(); err != nil {
		return false, err
	}
	stopped := false
	timer := time.AfterFunc(patience, func() { stopped = true; c.Process.Kill() })
	from := len(r.rows)
	decoder := json.NewDecoder(bufio.NewReader(out))
	if err = decoder.Decode(&r.driver); err == nil {
		for {
			timer.Reset(patience)
			var x row
			if err = decoder.Decode(&x); err != nil {
				break
			}
			r.rows = append(r.rows, x)
		}
	}
	timer.Stop()
	waited := c.Wait()
	addSpills(r.rows[from:], stderr.String())
	switch {
	case stopped:
		return false, nil
	case waited != nil:
		why := strings.TrimSpace(stderr.String())
		return false, fmt.Errorf("%w after %d shaders: %s", waited, len(r.rows), why[max(0, len(why)-1000):])
	case err != io.EOF:
		return false, err
	}
	return true, nil
}

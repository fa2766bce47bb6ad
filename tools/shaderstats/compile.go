package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/shaders"
	"github.com/marr-ssl/marr/vk"
)

// compileAll is the child: it prints the driver, and the row of each shader as soon as it is there, as JSON. Before each shader it names it on standard
// error, to which the driver may write too. It does not close the device, because waiting for a queue that does not exist may crash.
func compileAll(target string, first int, which selection) error {
	i := slices.IndexFunc(gpus, func(g gpu) bool { return g.vendor+"/"+g.name == target })
	if i < 0 {
		return fmt.Errorf("%s: no such GPU", target)
	}
	g := gpus[i]
	d, err := vk.Open("", vk.Options{Assembly: statistics[g.vendor].loop != nil})
	if err != nil {
		return err
	}
	if id := d.Info().VendorID; id != statistics[g.vendor].id {
		return fmt.Errorf("the device is %q: give the folder that tools/setup/mesa.sh prints", d.Info().Name)
	}
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(d.Info().Driver); err != nil {
		return err
	}
	for _, c := range which.list(g)[first:] {
		fmt.Fprintf(os.Stderr, "\n%s%s\n", shaderMark, c)
		r, err := compile(d, g, c)
		if err != nil {
			return err
		}
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func compile(d *vk.Device, g gpu, c compiled) (row, error) {
	r := row{Shader: c.String()}
	code, err := shaders.SPIRV(c.name)
	if err != nil {
		return r, err
	}
	bindings, bytes := shaders.Reflect(code)
	k := vk.Kernel{Name: c.name, Code: code, Bindings: bindings, Texel: shaders.TexelBindings(code), PushBytes: bytes}
	if !g.has(c.name) {
		r.Lacks = true
		return r, nil
	}
	if isTile(c.name) {
		k.Spec = append([]uint32{0}, words(c.whole, c.normed, c.normed || !strings.Contains(c.name, "outer"))...) // no halves; WHOLE, NORMED; NORM_BACK, or a STRIDE of 1
	}
	if shaders.UsesMatrices(code) {
		k.Spec, k.Subgroup = append(k.Spec, kernels.MatrixConstants(d.Info(), c.name)...), d.Info().Caps.LeastSubgroup
	}
	all, l, err := look(d, g, k)
	if err != nil {
		return r, err
	}
	r.fill(g.vendor, all)
	if isTile(c.name) {
		r.Loop = l
	}
	if strings.HasPrefix(c.name, "tiled.") && g.pairs {
		k.Subgroup = 32
		_, r.Narrow, err = look(d, g, k)
	}
	return r, err
}

// look compiles a kernel. It returns the driver's statistics and the longest loop, if the driver shows assembly.
func look(d *vk.Device, g gpu, k vk.Kernel) (all []vk.Statistic, l loop, err error) {
	p, err := d.Pipeline(k)
	if err != nil {
		return nil, l, err
	}
	if all, err = p.Statistics(); err != nil || statistics[g.vendor].loop == nil {
		return all, l, err
	}
	text, err := p.Assembly()
	if err != nil {
		return nil, l, err
	}
	l = statistics[g.vendor].loop(text)
	for _, s := range all {
		if s.Name == statistics[g.vendor].cycles {
			l.Cycles = int(s.Value)
		}
	}
	return all, l, nil
}

func words(flags ...bool) (out []uint32) {
	for _, f := range flags {
		w := uint32(0)
		if f {
			w = 1
		}
		out = append(out, w)
	}
	return out
}

const shaderMark = "shaderstats: "

// maliSpills is what panvk's compiler prints for a shader with BIFROST_MESA_DEBUG=shaderdb.
var maliSpills = regexp.MustCompile(`SHADER-DB: .* (\d+):(\d+) spills:fills`)

// addSpills adds to the rows the spills and fills that the driver printed for them.
func addSpills(rows []row, stderr string) {
	for i, part := range strings.Split(stderr, "\n"+shaderMark)[1:] {
		for _, m := range maliSpills.FindAllStringSubmatch(part, -1) {
			if i < len(rows) {
				spills, _ := strconv.Atoi(m[1])
				fills, _ := strconv.Atoi(m[2])
				rows[i].Spills = max(rows[i].Spills, spills, fills)
			}
		}
	}
}

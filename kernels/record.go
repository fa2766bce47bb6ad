package kernels

import (
	"encoding/binary"
	"slices"

	"github.com/marr-ssl/marr/vk"
)

// record records the steps of a segment as command buffers.
func (s *Segment) record(g *Graph, index int) error {
	if g.timed && !g.eager {
		s.timed = []OpTime{}
	}
	r := s.newRecorder()
	end := func() error {
		seg, err := r.End()
		if err == nil {
			s.body = append(s.body, seg)
		}
		r = s.newRecorder()
		return err
	}
	for _, x := range g.steps {
		if x.segment != index {
			continue
		}
		if x.host {
			if !g.eager {
				if err := end(); err != nil {
					return err
				}
			}
			gather, err := s.newGather(g.synced.gather, x)
			if err != nil {
				return err
			}
			s.gathers[len(s.body)-1] = gather
			continue
		}
		s.add(r, x)
		s.work += x.work
		s.traffic += x.traffic()
		if s.timed != nil {
			s.timed = append(s.timed, s.untimed(x))
		}
		complete := slices.IndexFunc(s.pieces, func(p piece) bool { return p.last == x })
		if g.eager || complete >= 0 {
			if err := end(); err != nil {
				return err
			}
		}
		if complete >= 0 {
			s.pieces[complete].lastBody = len(s.body) - 1
		}
		if g.eager {
			s.labels, s.writes = append(s.labels, x.label), append(s.writes, s.scanned(g, x))
		}
	}
	if g.eager {
		return nil
	}
	return end()
}

func (s *Segment) newRecorder() *vk.Recorder {
	r := s.p.dev.NewRecorder()
	if s.timed != nil {
		r.EnableTiming()
	}
	return r
}

func (s *Segment) add(r *vk.Recorder, x *step) {
	if x.kernel == "" {
		r.Fill(s.p.at(x.binds[0]), x.fill)
		return
	}
	d := vk.Dispatch{Pipeline: s.p.pipelines[x.pipelineKey()], Groups: x.groups, Label: x.label, Work: x.work}
	for _, w := range x.push {
		d.Push = binary.LittleEndian.AppendUint32(d.Push, w)
	}
	for _, b := range x.binds {
		d.Bindings = append(d.Bindings, vk.Binding{Range: s.p.bindRange(b), Access: b.access, Half: b.half})
	}
	r.Dispatch(d)
}

// scanned returns what the eager twin scans after a step.
func (s *Segment) scanned(g *Graph, x *step) (out []written) {
	for _, b := range x.binds {
		if b.access&vk.Write != 0 && b.float && g.scans(x) {
			out = append(out, written{b.mem.name, s.p.at(b), b.half})
		}
	}
	return out
}

// copies records copies between tensors and their positions in a buffer of the host.
func (s *Segment) copies(parts []placed, host *vk.Buffer, toDevice bool) (*vk.Segment, error) {
	r := s.p.dev.NewRecorder()
	for _, x := range parts {
		h := vk.Range{Buffer: host, Offset: x.offset, Size: x.at.Size}
		if toDevice {
			r.Copy(x.at, h)
		} else {
			r.Copy(h, x.at)
		}
	}
	return r.End()
}

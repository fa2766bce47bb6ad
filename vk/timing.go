package vk

import (
	"fmt"
	"time"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// EnableTiming makes the recording measure each op, for Segment.Times. Call it before the first op. Each op then waits for the previous
// one, so that times do not overlap and their sum is the time of the segment. The times of a run are lost if the segment is submitted
// again before the run ends.
func (r *Recorder) EnableTiming() {
	if r.err == nil && len(r.ops) > 0 {
		r.err = fmt.Errorf("vk: enable timing: %d ops are recorded already: call it before the first", len(r.ops))
	}
	r.timed = true
}

// Times waits for the newest run of the segment and returns the time of each op, in the order of the ops. It is an error if the segment
// was recorded without EnableTiming or has not run, or if the queue has no timestamps (Limits.TimestampBits is 0).
func (s *Segment) Times() ([]time.Duration, error) {
	l := s.d.info.Limits
	switch {
	case !s.timed:
		return nil, fmt.Errorf("vk: times: the segment was recorded without EnableTiming")
	case l.TimestampBits == 0:
		return nil, fmt.Errorf("vk: times: the queue of %q has no timestamps", s.d.info.Name)
	case s.ops == 0:
		return nil, nil
	}
	s.d.queue.Lock()
	last := s.last
	s.d.queue.Unlock()
	if last == nil {
		return nil, fmt.Errorf("vk: times: the segment has not run")
	}
	if err := last.Wait(); err != nil {
		return nil, err
	}
	ticks, err := s.ticks()
	if err != nil {
		return nil, err
	}
	return s.elapsed(ticks, l), nil
}

// makeTimer makes the query pool of a segment with n command buffers, if it is timed or if submissions are measured.
func (s *Segment) makeTimer(n int) error {
	s.took = make([]time.Duration, n)
	if s.d.info.Limits.TimestampBits == 0 || !s.timed && s.d.watchdog.most == 0 {
		return nil
	}
	info := vulkan.QueryPoolCreateInfo{SType: vulkan.StructureTypeQueryPoolCreateInfo, QueryType: vulkan.QueryTypeTimestamp, QueryCount: uint32(2 * n)}
	if s.timed {
		info.QueryCount = uint32(s.ops + n)
	}
	defer info.Free()
	var pool vulkan.QueryPool
	if err := check(vulkan.CreateQueryPool(s.d.dev, &info, nil, &pool), "vkCreateQueryPool"); err != nil {
		return err
	}
	s.timer = pool
	return nil
}

// query returns the index of the query before op, in command buffer i; the next index is the query after op. Each command buffer has
// one query more than ops, so that no op includes the time between two submissions. If the segment is not timed, a command buffer has a
// query before its first op and one after its last.
func (s *Segment) query(i, op int) int {
	if !s.timed {
		return 2 * i
	}
	return i + op
}

// ticks returns the timestamps of the segment.
func (s *Segment) ticks() ([]uint64, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.d.closed || s.freed.Load() {
		return nil, fmt.Errorf("vk: times: the segment was freed")
	}
	ticks := make([]uint64, s.ops+len(s.cuts)+1)
	r := vulkan.GetQueryPoolResults(s.d.dev, s.timer, 0, uint32(len(ticks)), uint(8*len(ticks)), unsafe.Pointer(&ticks[0]), 8,
		vulkan.QueryResultFlags(vulkan.QueryResult64Bit))
	return ticks, check(r, "vkGetQueryPoolResults")
}

// elapsed returns the time between two timestamps, whose valid bits may wrap around.
func (l Limits) elapsed(from, to uint64) time.Duration {
	mask := uint64(1)<<l.TimestampBits - 1
	return time.Duration(float64((to-from)&mask) * float64(l.TimestampPeriod))
}

// elapsed returns the times of the ops.
func (s *Segment) elapsed(ticks []uint64, l Limits) []time.Duration {
	times := make([]time.Duration, s.ops)
	cb := 0
	for i := range times {
		if cb < len(s.cuts) && i == s.cuts[cb] {
			cb++
		}
		q := s.query(cb, i)
		times[i] = l.elapsed(ticks[q], ticks[q+1])
	}
	return times
}

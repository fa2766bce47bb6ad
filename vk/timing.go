package vk

import (
	"fmt"
	"time"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Time makes the recording measure each op, see Segment.Times; it stands before the first op. Every op then waits for the one before
// it, so that none hides behind another: the times are each op's own, and their sum is what the segment takes without overlap. The
// segment must not be submitted again before its last run is over, or that run's times are lost.
func (r *Recorder) Time() {
	if r.err == nil && len(r.ops) > 0 {
		r.err = fmt.Errorf("vk: time: after %d ops: it stands before the first", len(r.ops))
	}
	r.timed = true
}

// Times returns how long each op took in the segment's newest run, in the order of the ops; it waits for that run. It is an error
// when the segment was recorded without Recorder.Time, has not run, or when the queue has no timestamps (Limits.TimestampBits 0).
func (s *Segment) Times() ([]time.Duration, error) {
	l := s.d.info.Limits
	switch {
	case !s.timed:
		return nil, fmt.Errorf("vk: times: the segment was recorded without Time")
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

// makeTimer makes the query pool of a timed segment of n command buffers.
func (s *Segment) makeTimer(n int) error {
	if !s.timed || s.d.info.Limits.TimestampBits == 0 {
		return nil
	}
	info := vulkan.QueryPoolCreateInfo{SType: vulkan.StructureTypeQueryPoolCreateInfo, QueryType: vulkan.QueryTypeTimestamp, QueryCount: uint32(s.ops + n)}
	defer info.Free()
	var pool vulkan.QueryPool
	if err := check(vulkan.CreateQueryPool(s.d.dev, &info, nil, &pool), "vkCreateQueryPool"); err != nil {
		return err
	}
	s.timer = pool
	return nil
}

// query is the query before op, in command buffer i; the one after it follows. Each command buffer has one query more than ops, so
// that the time between two submissions counts for none.
func (s *Segment) query(i, op int) int { return i + op }

// ticks reads the segment's timestamps.
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

// elapsed makes durations of the timestamps, whose valid bits may have wrapped around between two.
func (s *Segment) elapsed(ticks []uint64, l Limits) []time.Duration {
	mask := uint64(1)<<l.TimestampBits - 1
	times := make([]time.Duration, s.ops)
	cb := 0
	for i := range times {
		if cb < len(s.cuts) && i == s.cuts[cb] {
			cb++
		}
		q := s.query(cb, i)
		times[i] = time.Duration(float64((ticks[q+1]-ticks[q])&mask) * float64(l.TimestampPeriod))
	}
	return times
}

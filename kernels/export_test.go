package kernels

// Barriers returns, for tests, the number of ops of a segment and those before which a barrier stands.
func (s *Segment) Barriers() (ops int, at []int) { return s.body[0].Len(), s.body[0].Barriers() }

package kernels

import "github.com/marr-ssl/marr/vk"

// Raw calls f with the contents of each flat set but those of gradients, and of the states, as they lie in memory: the same on all devices for the same
// declarations. Where f returns true, the contents become what f left. It waits for the device.
func (s *Store) Raw(f func(contents []byte) (write bool, err error)) error {
	for _, b := range []*vk.Buffer{s.sets[values], s.sets[moment0], s.sets[moment1], s.sets[averages], s.state} {
		if b == nil {
			continue
		}
		contents := make([]byte, b.Size())
		if err := s.dev.Read(contents, b.All()); err != nil {
			return err
		}
		write, err := f(contents)
		if err == nil && write {
			err = s.dev.Write(b.All(), contents)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

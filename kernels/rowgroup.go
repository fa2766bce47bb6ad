package kernels

// rowGroup is the size of the work groups of a kernel whose lanes share rows (shaders/rowgroup.glsl): 128 lanes, which every device allows.
type rowGroup struct{ lanes, rows int }

// groupOfRows returns the size for rows of q vectors. Eight neighboring lanes read 128 bytes, a cache line, and are one subgroup on CPU devices, where
// every further one costs a switch at each barrier (measured on lavapipe: 32 lanes take 3 to 8 times as long for 192 to 768 numbers). Long rows, of
// which there are fewer, occupy a GPU only with more lanes. The last bits of sums depend on the number of lanes, so the device does not choose it.
func groupOfRows(q int) rowGroup {
	if q > 512 {
		return rowGroup{128, 1}
	}
	return rowGroup{8, 16}
}

func (r rowGroup) spec() []uint32 { return words(r.lanes, r.rows) }

// groups returns the grid for n rows.
func (r rowGroup) groups(n int) [3]uint32 { return groups1(n, r.rows) }

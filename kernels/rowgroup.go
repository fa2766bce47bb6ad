package kernels

// rowGroup is the number of lanes that share a row in kernels with shaders/rowgroup.glsl, whose work groups have 128 lanes.
type rowGroup int

// groupOfRows returns the number of lanes for rows of q vectors. More lanes keep a GPU busy when rows are long and therefore few. Fewer lanes merge
// their results faster, above all on CPU devices: on lavapipe 8 lanes take 2 to 5 times as long as 1 for 32 numbers, 32 and 128 lanes 1.5 and 3 times as
// long as 8 for 3072. The last bits of sums depend on the number, so the device does not choose it.
func groupOfRows(q int) rowGroup {
	switch {
	case q <= 8:
		return 1
	case q <= 64:
		return 4
	case q <= 512:
		return 8
	case q <= 4096:
		return 32
	}
	return 128
}

func (lanes rowGroup) spec() []uint32 { return words(int(lanes)) }

// groups returns the grid for n rows.
func (lanes rowGroup) groups(n int) [3]uint32 { return groups1(n, 128/int(lanes)) }

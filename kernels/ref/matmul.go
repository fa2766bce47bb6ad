package ref

// MatMul is y = op(a)·op(b), where op is the transpose if transA or transB is set: op(a) [M K], op(b) [K N], y [M N].
// With transA, a is [K M]; with transB, b is [N K]. Batches [B …] are multiplied matrix by matrix.
func MatMul(a, b *Tensor, transA, transB bool) *Tensor {
	if len(a.Shape) == 3 && len(b.Shape) == 3 {
		return matmulBatch(a, b, transA, transB)
	}
	wantShape("MatMul", "a", a, -1, -1)
	wantShape("MatMul", "b", b, -1, -1)
	if transA {
		a = transpose(a)
	}
	if !transB {
		b = transpose(b) // so that every element of y is a dot product of rows
	}
	if a.Last() != b.Last() {
		fail("MatMul", "inner lengths differ ([M K] and [N K])", a, b)
	}
	y := New(a.Shape[0], b.Shape[0])
	for i := range y.Shape[0] {
		for j := range y.Shape[1] {
			y.Row(i)[j] = dot(a.Row(i), b.Row(j))
		}
	}
	return y
}

func matmulBatch(a, b *Tensor, transA, transB bool) *Tensor {
	var y *Tensor
	part := func(t *Tensor, i int) *Tensor {
		n := t.Shape[1] * t.Shape[2]
		return &Tensor{Shape: t.Shape[1:], Data: t.Data[i*n : (i+1)*n]}
	}
	for i := range a.Shape[0] {
		m := MatMul(part(a, i), part(b, i), transA, transB)
		if y == nil {
			y = New(append([]int{a.Shape[0]}, m.Shape...)...)
		}
		copy(part(y, i).Data, m.Data)
	}
	return y
}

// Linear is y = x·wᵀ + bias: x [N C], w [K C], bias [K] or nil, y [N K]. Source: PyTorch, torch.nn.Linear.
func Linear(x, w, bias *Tensor) *Tensor {
	y := MatMul(x, w, false, true)
	if bias != nil {
		y = Bias(y, bias)
	}
	return y
}

func transpose(a *Tensor) *Tensor {
	t := New(a.Shape[1], a.Shape[0])
	for i, v := range a.Data {
		t.Data[i%a.Shape[1]*a.Shape[0]+i/a.Shape[1]] = v
	}
	return t
}

package ref

// PrependToken is y[n 0] = token, y[n t+1] = x[n t]: x [N T D], token [1 1 D], y [N T+1 D].
func PrependToken(x, token *Tensor) *Tensor {
	index := make([]int32, 0, x.Shape[0]*(x.Shape[1]+1))
	for range x.Shape[0] {
		for t := range x.Shape[1] + 1 {
			index = append(index, int32(t-1))
		}
	}
	return GatherTokens(x, index, token)
}

// SliceTokens is x[:, from:to]: x [N T D] to y [N to−from D].
func SliceTokens(x *Tensor, from, to int) *Tensor {
	var index []int32
	for range x.Shape[0] {
		for t := from; t < to; t++ {
			index = append(index, int32(t))
		}
	}
	return GatherTokens(x, index, nil)
}

// GatherTokens is y[n k] = x[n index[n·K + k]], or fill where the index is not one of 0 … T−1: x [N T D], index [N·K], fill [1 1 D] (nil: zeros),
// y [N K D].
func GatherTokens(x *Tensor, index []int32, fill *Tensor) *Tensor {
	wantShape("GatherTokens", "x", x, -1, -1, -1)
	n, tokens, d := x.Shape[0], x.Shape[1], x.Last()
	if fill == nil {
		fill = New(1, 1, d)
	}
	wantShape("GatherTokens", "fill", fill, 1, 1, d)
	y := New(n, len(index)/n, d)
	for i, t := range index {
		from := fill.Row(0)
		if t >= 0 && int(t) < tokens {
			from = x.Row(i/(len(index)/n)*tokens + int(t))
		}
		copy(y.Row(i), from)
	}
	return y
}

// AddPositions is y[n t] = x[n t] + p[t]: x and y [N T D], p [T D] or [1 T D].
func AddPositions(x, p *Tensor) *Tensor {
	y := New(x.Shape...)
	for i, v := range x.Data {
		y.Data[i] = v + p.Data[i%len(p.Data)]
	}
	return y
}

// ScaleSamples is y[n ..] = s[n]·x[n ..]: x and y [N ..], s [N].
func ScaleSamples(x, s *Tensor) *Tensor {
	wantShape("ScaleSamples", "s", s, x.Shape[0])
	y := New(x.Shape...)
	for i, v := range x.Data {
		y.Data[i] = s.Data[i/(len(x.Data)/x.Shape[0])] * v
	}
	return y
}

package ref

import "math"

// BatchNormTrain normalizes each channel by the statistics of its own batch:
//
//	μ = mean(x), σ² = mean((x−μ)²), y = γ·(x−μ)/√(σ²+eps) + β
//
// over all axes but the last; then y += residual (unless nil) and y = max(y, 0) (if relu), the end of a ResNet block.
// x, residual, y [.. C]; gamma, beta, mean, variance [C]. The variance is the biased one (÷ count), as it normalizes.
// Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1; PyTorch, torch.nn.BatchNorm2d.
func BatchNormTrain(x, gamma, beta *Tensor, eps float64, residual *Tensor, relu bool) (y, mean, variance *Tensor) {
	c, count := x.Last(), float64(x.Rows())
	mean, variance = New(c), New(c)
	for i := range x.Rows() {
		for j, v := range x.Row(i) {
			mean.Data[j] += v / count
		}
	}
	for i := range x.Rows() {
		for j, v := range x.Row(i) {
			d := v - mean.Data[j]
			variance.Data[j] += d * d / count
		}
	}
	return BatchNormInfer(x, gamma, beta, mean, variance, eps, residual, relu), mean, variance
}

// BatchNormInfer normalizes by given statistics, the running ones in inference:
//
//	y = γ·(x−mean)/√(variance+eps) + β, then residual and ReLU as in BatchNormTrain.
func BatchNormInfer(x, gamma, beta, mean, variance *Tensor, eps float64, residual *Tensor, relu bool) *Tensor {
	c := x.Last()
	wantShape("BatchNorm", "gamma", gamma, c)
	wantShape("BatchNorm", "beta", beta, c)
	wantShape("BatchNorm", "mean", mean, c)
	wantShape("BatchNorm", "variance", variance, c)
	y := New(x.Shape...)
	for i, v := range x.Data {
		j := i % c
		y.Data[i] = gamma.Data[j]*(v-mean.Data[j])/math.Sqrt(variance.Data[j]+eps) + beta.Data[j]
	}
	if residual != nil {
		y = Add(y, residual)
	}
	if relu {
		y = ReLU(y)
	}
	return y
}

// MeanNorm is batch norm with a variance of 1:
//
//	y = γ·(x−μ)/√(1+eps) + β, then residual and ReLU as in BatchNormTrain
//
// where μ is `mean`, or the batch's own mean if that is nil. batch is the batch's own mean.
func MeanNorm(x, gamma, beta, mean *Tensor, eps float64, residual *Tensor, relu bool) (y, batch *Tensor) {
	batch = ColumnMean(From(x.Data, x.Rows(), x.Last()))
	if mean == nil {
		mean = batch
	}
	one := New(x.Last())
	for i := range one.Data {
		one.Data[i] = 1
	}
	return BatchNormInfer(x, gamma, beta, mean, one, eps, residual, relu), batch
}

// RunningUpdate moves running statistics towards those of one batch of count samples a channel:
//
//	μ_run ← (1−momentum)·μ_run + momentum·μ,  σ²_run ← (1−momentum)·σ²_run + momentum·σ²·count/(count−1)
//
// variance is the biased one that BatchNormTrain returns; the running one is unbiased. All [C]; count ≥ 2.
// Source: PyTorch, torch.nn.BatchNorm2d, whose momentum (0.1) weighs the new value.
func RunningUpdate(runMean, runVar, mean, variance *Tensor, count int, momentum float64) (newMean, newVar *Tensor) {
	sameShape("RunningUpdate", runMean, mean)
	sameShape("RunningUpdate", runVar, variance)
	if count < 2 {
		fail("RunningUpdate", "an unbiased variance needs 2 samples, count is", count)
	}
	newMean, newVar = New(mean.Shape...), New(mean.Shape...)
	unbias := float64(count) / float64(count-1)
	for i := range mean.Data {
		newMean.Data[i] = (1-momentum)*runMean.Data[i] + momentum*mean.Data[i]
		newVar.Data[i] = (1-momentum)*runVar.Data[i] + momentum*variance.Data[i]*unbias
	}
	return newMean, newVar
}

// Package watch tells while a run trains whether its representation collapses, from a batch of embeddings and of a teacher's probabilities
// alone: no labels, no gradients, no device.
//
//	Sample (embeddings, probabilities, accuracy) → Measure → Report ┐
//	                                               earlier looks ───┴→ Watch.Look → Alarm: what, why, what to do; once for each kind
//
// With ẑ = z/‖z‖ of N images in D dimensions, and p the teacher's probabilities over K prototypes:
//
//	Std      = 1/D Σ_j std_i ẑ_ij, n − 1 in the deviation     1/√D if spread over the sphere, 0 if constant   Chen and He 2021, arXiv:2011.10566, 4.1
//	Rank     = exp(−Σ_k q_k log q_k), q_k = σ_k / Σ σ         σ the singular values of ẑ, 1 … min(N, D)       Garrido et al. 2022, arXiv:2210.02885, eq. 1
//	Cosine   = mean over i ≠ j of ẑ_i·ẑ_j                     0 if spread, 1 if constant
//	Entropy  = 1/N Σ_i H(p_i)                                 log K if uniform
//	Marginal = H(1/N Σ_i p_i)                                 0 if one prototype wins
//	KL       = 1/N Σ_i KL(p_i ‖ mean p) = Marginal − Entropy  0 in both, else what the teacher tells of an image
//
// RankMe is taken of ẑ instead of z, for the losses see directions alone and a few long embeddings would else decide, and without the
// paper's ε = 1e-7, which float64 does not need. It is not centered: a constant has rank 1. Caron et al. 2021 (arXiv:2104.14294, section 5.3)
// tell the teacher's two collapses apart by its entropy, log K without sharpening and 0 without centering, and show KL(teacher ‖ student)
// → 0 for both; KL here needs no student and goes to 0 with it, since a teacher that ignores its input has p_i = mean p.
//
// The limits stand in rules.go with their reasons; testdata/runs.json holds small runs, sound and broken, that the tests replay.
// NeighborStability compares two looks at the same images.
package watch

// Package watch detects during training that the representation collapses. It needs a batch of embeddings and the teacher's probabilities,
// but no labels, gradients or device.
//
//	Sample (embeddings, probabilities, accuracy) → Measure → Metrics ┐
//	                                              earlier samples ───┴→ Watch.Check → Alarm: what, why, what to do; once per kind
//
// With ẑ = z/‖z‖ of N images in D dimensions, and p the teacher's probabilities over K prototypes:
//
//	Std             = 1/D Σ_j std_i ẑ_ij, n − 1 in the deviation     1/√D if uniform on the sphere, 0 if constant
//	Rank            = exp(−Σ_k q_k log q_k), q_k = σ_k / Σ σ         σ: singular values of ẑ; 1 … min(N, D)
//	Cosine          = mean over i ≠ j of ẑ_i·ẑ_j                     0 if uniform, 1 if constant
//	Entropy         = 1/N Σ_i H(p_i)                                 log K if every p_i is uniform
//	MarginalEntropy = H(1/N Σ_i p_i)                                 0 if one prototype takes all images
//	KL              = 1/N Σ_i KL(p_i ‖ mean p)                       = MarginalEntropy − Entropy; 0 in both collapses of the teacher
//
// Sources: Std, Chen and He 2021, arXiv:2011.10566, section 4.1; Rank (RankMe), Garrido et al. 2022, arXiv:2210.02885, eq. 1.
//
// RankMe is computed on ẑ instead of z, because the losses depend only on directions and a few long embeddings would dominate, and without
// the paper's ε = 1e-7, which float64 does not need. ẑ is not centered: constant embeddings have rank 1. Caron et al. 2021
// (arXiv:2104.14294, section 5.3) distinguish the teacher's two collapses by its entropy, log K without sharpening and 0 without centering,
// and show that KL(teacher ‖ student) → 0 in both. KL here needs no student and also goes to 0, since a teacher that ignores its input has
// p_i = mean p.
//
// A contrastive loss that stays at ln C, that of guessing among C embeddings, is named too (Still): the metrics above need not show that nothing is learned.
//
// The limits and their reasons are in rules.go. testdata/runs.json holds small runs, healthy and collapsed, that the tests replay.
// eval.NeighborStability compares the features of the same images at two times.
package watch

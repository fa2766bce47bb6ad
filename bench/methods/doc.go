// Package methods compares the pre-training methods: it trains each on the same images with the same network and evaluates the features.
//
//	Cases (every method with its defaults, the recipes, BYOL without parts, LeJEPA to rank) ──▶ Compare ──▶ Results (JSON) ──▶ tables
//	                                                                                          └── the same recipe in PyTorch (peers/)
//
// Each run has a folder. Compare reads the results of completed runs and resumes stopped ones.
package methods

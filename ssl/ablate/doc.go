// Package ablate describes sweeps: sets of short runs that differ in one or two settings, or in the augmentations of their views. It orders the runs, keeps
// their results, and shows them as a map or a curve, as a table, and in words. It trains nothing.
//
// The model of the map of augmentations is figure 5 of SimCLR (Chen et al. 2020, arXiv:2002.05709): single augmentations on the diagonal, pairs beside it,
// the mean of each row at its end. A view applies its augmentations in a fixed order, so a pair has one cell, which the map shows twice.
package ablate

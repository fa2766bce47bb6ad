// Package run keeps pre-training runs in folders: configuration, recipes, the choice of a method, checkpoints, metrics, and resuming to the same bytes. A
// folder is locked while a process trains in it.
//
//	Config (flags, Recipe, Choose) → Run.Pretrain → config.toml, checkpoint.ckpt, metrics.jsonl, metrics.csv
//	config.toml → ReadSaved → the Config, flags and origins of a run that is resumed
package run

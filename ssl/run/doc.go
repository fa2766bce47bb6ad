// Package run keeps pre-training runs in folders: configuration, recipes, the choice of a method, checkpoints, metrics, and resuming to the same bytes.
//
//	Config (flags, Recipe, Choose) → Run.Pretrain → config.toml, checkpoint.ckpt, metrics.jsonl
package run

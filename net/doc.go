// Package net holds networks, their first values, optimizers, schedules and checkpoints.
//
//	NewResNet(store, config, seed) declares parameters under torchvision's names → Forward records ops on a graph
//	Optimizer.Update records its step, Optimizer.Set gives each run its scalars
//	SaveCheckpoint writes the store as safetensors in PyTorch's layouts, LoadNewest and Restore read it back
package net

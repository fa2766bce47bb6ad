// Package net holds backbones and their registry, heads, initialization, optimizers, schedules and checkpoints.
//
//	Register(name, architecture) → Config.New(store, seed) declares parameters under "backbone." → Backbone.Forward records ops on a graph
//	Scope declares the parameters of layers and heads; Momentum returns the momentum encoder of any module made of them
//	Optimizer.Update records the update, Optimizer.Set sets the scalars of each run
//	SaveCheckpoint writes the store as safetensors in PyTorch's layouts; LoadNewest and Restore read it back
//
// To add a backbone, implement Architecture in one file and call Register from init; ResNet is the model to follow.
package net

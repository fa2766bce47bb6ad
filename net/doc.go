// Package net holds backbones and their registry, heads, initialization, optimizers, schedules and checkpoints.
//
//	Register(name, architecture) → Config.New(store, seed) declares parameters under "backbone." → Backbone.Forward records ops on a graph
//	Scope declares the parameters of layers and heads; Momentum returns the momentum encoder of any module made of them
//	Optimizer.Update records the update, Optimizer.Set sets the scalars of each run
//	SaveCheckpoint writes the store as safetensors in PyTorch's layouts; LoadNewest and Restore read it back
//	Weights.Recognize finds the backbone that a file of weights belongs to, Weights.Restore writes them into a store
//
// # Adding a backbone
//
// A backbone is one file, in this package or in another one that the program imports; resnet.go and vit.go are good models.
//
//  1. Declare a struct for the Architecture. Its exported fields tagged `flag:"name" help:"…"` are its settings: flags, recipes (backbone.name) and
//     config.toml follow from the tags. Choose names that no other architecture uses for something else.
//  2. New declares the layers through the scope: Conv, Linear, BatchNorm (which follows --norm), or Param and State for parameters of your own, which layers
//     read through Mode.Param, so that momentum encoders work. It returns a Network: Map records ops of package kernels up to the last feature
//     map or the tokens, Pool the mean over it or the class token. Graph.Draw declares inputs of random numbers, such as those of stochastic depth.
//  3. Register it from init, under each name that `marr pretrain --arch` offers.
//     A network of patches may also be a PatchNetwork, for masked autoencoders and pictures of attention.
//  4. If files of another library have its parameter names, a method Recognize (see resnet.go and vitnames.go) finds the settings from the shapes of their
//     tensors.
//  5. Compare features and gradients with the same network in PyTorch: a script such as tools/golden/vit.py and a test such as TestViTsMatchPyTorch.
//
// Training with every method, resumption, evaluation, fine-tuning, --branch and export find the backbone by its name. Every op that it uses needs an ONNX
// form (kernels.ONNX) for export.
package net

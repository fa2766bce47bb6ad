// Package ssl holds the methods that train backbones without labels.
//
//	data.Set → views.Spec (the host draws) → kernels.Views (the device paints) → Method.Loss → optimizer → checkpoint
//
// Package train runs the steps of a method, package run keeps a run in a folder, package eval measures and fine-tunes backbones, package watch detects
// collapse, and packages data and views provide the images.
//
// # Adding a method
//
// A method is one file of about 100 lines; byol.go and simclr.go are good models.
//
//  1. Declare a struct. Its exported fields tagged `flag:"name" help:"…"` are its hyper-parameters, with bounds in a tag `want:"above 0"`.
//     Flags, recipes, config.toml and `marr pretrain --method list` follow from the tags.
//  2. Views returns the default augmentations, usually a preset of package views.
//  3. Loss builds the networks and the loss on a Step. It declares heads through Step.Heads, momentum encoders with Step.Momentum, numbers that change over
//     training with Step.Scalar, random numbers of the host with Graph.Draw, what is known of each image with Step.Labels, Step.Indices and
//     Step.TeacherRows, and state that outlives a step with Step.State and Step.AfterUpdate. It passes embeddings to the collapse watch with Step.Observe.
//  4. Register it from init, with a line that names the paper and the task.
//  5. Add ten steps in PyTorch to tools/golden/methods.py, and a row to tenStepMethods in golden_test.go.
//
// A method that works with some architectures only is a NetworkChooser (mae.go).
//
// The tests of packages train and run range over all registered methods, so they check resuming, gradients and the collapse watch of a new one without
// further edits.
package ssl

// Package ssl trains backbones without labels: methods, the trainer that runs them, and fine-tuning.
//
//	data.Set → views.Spec (the host draws) → kernels.Views (the device paints) → Method.Loss → optimizer → checkpoint
//	                                                                              └ backbone → Features → eval (kNN, probe), Finetune
//
// A method is one file: its hyper-parameters are the documented fields of a struct that init registers. See Method and SimCLR.
package ssl

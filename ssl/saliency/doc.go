// Package saliency shows where a network looks: pictures of its last feature map, of the attention of a class token, and of the places that speak for a class.
//
//	Components      principal components of vectors
//	Colors          feature maps → the first three components as red, green and blue
//	ClassAttention  queries and keys of the last block → the attention of the class token to the patches
//	ClassMap        a feature map and the gradient of a class → the places that speak for it (CAM)
//	Heat            values of a grid → a picture from black over red to white
//
// Everything is computed on the host in float64: these are a handful of images.
package saliency

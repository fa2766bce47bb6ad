"""Evaluates an ONNX file with OpenCV: opencv.py FILE.onnx IMAGES FEATURES N C H W (see tools/exports/readers.go)."""
import sys

import cv2
import numpy

print(cv2.__version__, flush=True)
file, images, features, *dims = sys.argv[1:]
net = cv2.dnn.readNetFromONNX(file)
net.setInput(numpy.fromfile(images, "<f4").reshape([int(d) for d in dims]))
net.forward().astype("<f4").tofile(features)

// Evaluates an ONNX file with OpenCV in WebAssembly: opencv.cjs FILE IMAGES FEATURES N C H W (see tools/exports/readers.go). OpenCV.js makes blobs of one
// image: a batch is that many calls.
const fs = require("fs");
async function main() {
  const [file, images, features, ...dims] = process.argv.slice(2);
  const cv = await require("@techstark/opencv-js");
  console.log(cv.getBuildInformation().match(/OpenCV ([\w.-]+)/)[1]);
  cv.FS_createDataFile("/", "model.onnx", fs.readFileSync(file), true, false, false);
  const net = cv.readNetFromONNX("model.onnx");
  const [n, c, h, w] = dims.map(Number), plane = h * w;
  const raw = fs.readFileSync(images), x = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const rows = [];
  for (let i = 0; i < n; i++) {
    const mat = new cv.Mat(h, w, cv.CV_32FC3);
    for (let p = 0; p < plane; p++) for (let k = 0; k < c; k++) mat.data32F[p * c + k] = x[(i * c + k) * plane + p];
    net.setInput(cv.blobFromImage(mat));
    rows.push(...net.forward().data32F);
  }
  fs.writeFileSync(features, Buffer.from(new Float32Array(rows).buffer));
}
main().catch((e) => { console.error(String((e && e.message) || e)); process.exit(1); });

// Evaluates an ONNX file with ONNX Runtime in WebAssembly: web.mjs FILE.onnx IMAGES FEATURES N C H W (see tools/exports/readers.go).
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const ort = createRequire(process.cwd() + "/")("onnxruntime-web");
const [file, images, features, ...dims] = process.argv.slice(2);
console.log(ort.env.versions.web);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(readFileSync(file), { executionProviders: ["wasm"] });
const raw = readFileSync(images);
const x = new ort.Tensor("float32", new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)), dims.map(Number));
const out = await session.run({ image: x });
const y = out.features.data;
writeFileSync(features, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
process.exit(0);

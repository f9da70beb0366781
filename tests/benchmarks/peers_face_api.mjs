// @vladmandic/face-api on its WASM backend, as a column of peers.py: frames come in on stdin, one JSON line a frame goes out.
//
//     node peers_face_api.mjs FOLDER      FOLDER is where `npm install` was run, see README.md
//
// A frame is 640x480 raw BGR. The tensor is made and the bytes are put in order before the clock starts, which favours
// face-api. Tiny face detector (416, its default) and expression net, one thread.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const WIDTH = 640;
const HEIGHT = 480;
const FRAME_BYTES = WIDTH * HEIGHT * 3;

const folder = resolve(process.argv[2]);
const require = createRequire(join(folder, 'package.json'));
console.log = console.info = () => {}; // stdout carries the figures, nothing else

const tf = require('@tensorflow/tfjs');
const wasm = require('@tensorflow/tfjs-backend-wasm');
const root = join(folder, 'node_modules', '@vladmandic', 'face-api');
const faceapi = require(join(root, 'dist', 'face-api.node-wasm.js'));

wasm.setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist') + '/');
wasm.setThreadsCount(1);
await tf.setBackend('wasm');
await tf.ready();
await faceapi.nets.tinyFaceDetector.loadFromDisk(join(root, 'model'));
await faceapi.nets.faceExpressionNet.loadFromDisk(join(root, 'model'));
const options = new faceapi.TinyFaceDetectorOptions();

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

function peakMemoryMb() {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}

function rgbTensor(bgr) {
  const rgb = new Int32Array(FRAME_BYTES);
  for (let i = 0; i < FRAME_BYTES; i += 3) {
    rgb[i] = bgr[i + 2];
    rgb[i + 1] = bgr[i + 1];
    rgb[i + 2] = bgr[i];
  }
  return tf.tensor3d(rgb, [HEIGHT, WIDTH, 3], 'int32');
}

async function measured(bgr) {
  const tensor = rgbTensor(bgr);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const faces = await faceapi.detectAllFaces(tensor, options).withFaceExpressions();
  const wall_ms = performance.now() - start;
  const used = process.cpuUsage(cpu);
  tf.dispose(tensor);
  return { wall_ms, cpu_ms: (used.user + used.system) / 1000, faces: faces.length, stages_ms: {} };
}

say({}); // all is loaded
let waiting = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  waiting = Buffer.concat([waiting, chunk]);
  while (waiting.length >= FRAME_BYTES) {
    const bgr = waiting.subarray(0, FRAME_BYTES);
    waiting = waiting.subarray(FRAME_BYTES);
    say({ ...(await measured(bgr)), peak_memory_mb: peakMemoryMb() });
  }
}

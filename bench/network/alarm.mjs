// A thread that rings at the moments it is told, in order: the timers of Node know whole milliseconds only.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

/** The first grows with each moment that is told; on the second nobody ever calls. */
const [TOLD, NEVER] = [0, 1];
const words = new Int32Array(workerData);

for (let told = 0; ; told = Atomics.load(words, TOLD)) {
  let next;
  while ((next = receiveMessageOnPort(parentPort)) !== undefined) {
    const left = next.message - (performance.timeOrigin + performance.now());
    if (left > 0) Atomics.wait(words, NEVER, 0, left);
    parentPort.postMessage(undefined);
  }
  Atomics.wait(words, TOLD, told);
}

// The child's side of test/support/child.ts.

const inbox = [];
const listeners = [];

process.on('message', (message) => {
  const index = listeners.findIndex(({ type }) => type === message.type);
  if (index < 0) inbox.push(message);
  else listeners.splice(index, 1)[0].resolve(message);
});

// The test process is gone: nobody is left to kill this one.
process.on('disconnect', () => process.exit());

/** Tells the test something: `send('held', { pid })`. */
export function send(type, data = {}) {
  process.send({ type, ...data });
}

/** The next message of that type from the test. */
export function next(type) {
  const index = inbox.findIndex((message) => message.type === type);
  if (index >= 0) return Promise.resolve(inbox.splice(index, 1)[0]);
  return new Promise((resolve) => listeners.push({ type, resolve }));
}

/** No more messages: from now on the process ends when nothing else keeps it alive. */
export function leave() {
  process.channel?.unref();
}

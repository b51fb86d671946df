// A replica: takes locks when told, says when it has them, and lets go when told.
import { next, send } from '../child-process.mjs';

const { createCore } = await import('../../../build/core/pg-lock-core.js');
const { resolveOptions } = await import('../../../build/options/resolve-options.js');

const core = createCore(resolveOptions(JSON.parse(process.env.PGLOCK_OPTIONS)));
send('ready');
const handles = new Map();

for (;;) {
  const { verb, id, options } = await next('do');
  if (verb === 'acquire') {
    core.service.acquire(id, options).then(
      (lock) => {
        if (lock) handles.set(id, lock);
        lock?.signal.addEventListener('abort', () =>
          send('lost', {
            id,
            reason: lock.signal.reason.name,
            cause: lock.signal.reason.cause?.message,
            at: Date.now(),
          }),
        );
        send('acquired', { id, got: lock !== null, pid: lock?.pid, at: Date.now() });
      },
      (error) => send('failed', { id, name: error.name, message: error.message }),
    );
  } else if (verb === 'release') {
    await handles.get(id)?.release();
    send('released', { id, at: Date.now() });
  } else if (verb === 'block') {
    const until = Date.now() + options.ms;
    while (Date.now() < until);
    send('blocked', { held: handles.get(id)?.held });
  } else if (verb === 'count') {
    for (let i = 0; i < options.times; i++) {
      await core.service.advisory(id, async (lock) => {
        const token = await lock.fencingToken();
        send('begin', { token: String(token) });
        await options.client;
        send('end', { token: String(token) });
      });
    }
    send('counted');
  } else if (verb === 'close') {
    await core.close();
    send('closed');
  }
}

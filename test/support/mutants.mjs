// Engines that are broken on purpose, each in one place: patches of the built package in one process of a test.
// The checker of test/support/history.ts has to catch every one; see test/chaos/mutants.ts.
import { spawn } from 'node:child_process';
import pg from 'pg';

const built = (file) => import(`../../build/${file}.js`);

/** @type {Record<string, (context: { core: () => any, bounced: () => any, appPool: () => any, bouncer: string }) => Promise<void>>} */
export const MUTANTS = {
  /** Nobody is told when a session ends. */
  async deaf() {
    const { LockSession } = await built('session/lock-session');
    const { SessionLock } = await built('session/session-lock');
    around(LockSession.prototype, 'end', function (end, error) {
      for (const lock of this.locks) Object.assign(lock, { listener: undefined, kept: true });
      end(error);
    });
    getter(SessionLock.prototype, 'alive', function (alive) {
      return this.kept === true || alive;
    });
  },

  /** The server is asked for no lease. */
  async noLease() {
    const { ServerLease } = await built('session/server-lease');
    around(ServerLease.prototype, 'forTries', () => undefined);
    rewriteSql((text) => text.replace(/('idle_session_timeout', )'\d+'/, "$1'0'"));
  },

  /** A lock is trusted for as long as its connection looks open. */
  async trusting() {
    const { Lease } = await built('session/lease');
    around(Lease.prototype, 'isTrusted', () => true);
    around(Lease.prototype, 'answered', () => true);
    around(Lease.prototype, 'isExpired', () => false);
  },

  /** The lease is measured with the wall clock. */
  async wallClock() {
    performance.now = () => Date.now();
    const { WakingClock } = await built('vocabulary/waking-clock');
    around(WakingClock.prototype, 'notice', () => undefined); // it would see through that
  },

  /** The lease counts from when the answer came, not from when its question was sent. */
  async lateAnchor() {
    const { Lease } = await built('session/lease');
    around(Lease.prototype, 'answered', (answered, _sentAt, allowanceMs, now) =>
      answered(now, allowanceMs, now),
    );
  },

  /** A session that waits for an answer is given up only when that answer is overdue. */
  async slowSignal() {
    const { Lease } = await built('session/lease');
    around(Lease.prototype, 'isExpired', (isExpired, now, holdsAny, dueAt) =>
      dueAt === undefined ? isExpired(now, holdsAny, dueAt) : now >= dueAt,
    );
  },

  /** What a wait that timed out may have got all the same is left alone. */
  async ghosts() {
    const { SessionLockWait } = await built('session/lock-wait');
    around(SessionLockWait.prototype, 'once', async function (once) {
      const lock = await once();
      return this.isCancelled ? null : lock;
    });
    rewriteSql((text) =>
      text.replace('pg_catalog.pg_advisory_unlock_all(), pg_catalog.set_config', 'pg_catalog.set_config'),
    );
  },

  /** A wait that was cancelled counts as one that was granted. */
  async cancelIsGrant() {
    rewriteSql((text) => text.replace("'pglock.wait', 'f'", "'pglock.wait', 't'"));
  },

  /** A batch that was cancelled counts as done. */
  async cancelIsDone() {
    const { LockSession } = await built('session/lock-session');
    around(LockSession.prototype, 'onFailed', function (onFailed, batch, error) {
      if (error?.code === '57014') this.onAnswered(batch, [], this.lastUsedAt);
      else onFailed(batch, error);
    });
  },

  /** What a failed batch has taken all the same is left alone. */
  async strays() {
    const { Recovery } = await built('session/recovery');
    around(Recovery.prototype, 'releaseStrays', async () => undefined);
  },

  /** A lost lock is taken again behind the back of its holder. */
  async resurrect() {
    const { ServerLock } = await built('locks/server-lock');
    around(ServerLock.prototype, 'onKeyLost', function (_lost, hold) {
      if (this.lock !== hold) return;
      const options = { deadline: () => null, holds: () => [], onDeadlock: () => undefined };
      const wait = this.store.wait(this.key, hold.shared, { ...options, onWaiting: () => () => undefined });
      const again = (next) => {
        this.state.lock = next;
        for (const reference of this.listener.holders) reference.heldBy = next;
      };
      wait.outcome.then(again, () => undefined);
    });
  },

  /** Fencing tokens are counted by each process for itself. */
  async localToken() {
    const { PgLockStore } = await built('session/pg-lock-store');
    let count = 0n;
    around(PgLockStore.prototype, 'fencingToken', async () => ++count);
  },

  /** Fencing tokens are given before they are on disk. */
  async unflushedToken() {
    rewriteSql((text) => text.replace(/,\s+pg_catalog\.pg_logical_emit_message\(.*\)/s, ''));
  },

  /** Who could not connect once does not try again. */
  async noReconnect() {
    const { SessionPool } = await built('session/session-pool');
    around(SessionPool.prototype, 'open', async function (open) {
      if (this.failures > 0) throw new Error('no second try');
      return open();
    });
  },

  /** No `error` listeners on connections. */
  async noListener() {
    around(pg.Client.prototype, 'on', function (on, event, listener) {
      return event === 'error' ? this : on(event, listener);
    });
  },

  /** Shutdown forgets its connections. */
  async leakyClose() {
    const { SessionPool } = await built('session/session-pool');
    around(SessionPool.prototype, 'close', async () => undefined);
    const { KeyQueue } = await built('locks/key-queue');
    around(KeyQueue.prototype, 'close', async () => undefined);
  },

  /** Shutdown waits for a server that does not answer. */
  async hangingClose() {
    const { LockSession } = await built('session/lock-session');
    const { SessionPool } = await built('session/session-pool');
    around(LockSession.prototype, 'close', async function () {
      if (this.state === 'ended') return;
      this.locks.clear();
      await this.client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
      await this.client.end().catch(() => undefined);
    });
    around(SessionPool.prototype, 'close', async function () {
      this.stopOpening();
      await this.closeAll();
    });
  },

  /** Locks take connections of the application's pool. */
  async borrowed({ core, appPool }) {
    core().advisory.init.store.inner.pool.connector.connect = () => appPool().connect();
  },

  /** Shutdown goes on trying to connect. */
  async patientClose() {
    const { SessionPool } = await built('session/session-pool');
    around(SessionPool.prototype, 'stopOpening', () => undefined);
    around(SessionPool.prototype, 'close', async function () {
      this.stopTicking();
      await this.closeAll();
    });
  },

  /** A session is given up that was silent for a moment. */
  async hasty() {
    const { SessionWire } = await built('session/session-wire');
    around(SessionWire.prototype, 'beat', function (beat, ...args) {
      const now = performance.now();
      const { first } = this.commands;
      const sinceMs = Math.min(this.beatAt ?? now, first?.allowanceMs === 0 ? first.sentAt : now);
      this.beatAt = now;
      if (now - sinceMs > 250) this.owner.onOver(new Error('silent for a quarter of a second'));
      else beat(...args);
    });
  },

  /** A wait whose session ended does not begin again. */
  async loneWaiter() {
    const { SessionLockWait } = await built('session/lock-wait');
    around(SessionLockWait.prototype, 'once', (once) => once().catch(() => new Promise(() => undefined)));
  },

  /** Child processes inherit the connections, and keep them open. */
  async inherited() {
    const { SessionPool } = await built('session/session-pool');
    around(SessionPool.prototype, 'admit', (admit, session) => {
      const { stream } = session.client.connection;
      spawn('sleep', ['9'], { stdio: ['ignore', 'ignore', 'ignore', stream], detached: true }).unref();
      return admit(session);
    });
  },

  /** Nobody is told when the session of a transaction ends. */
  async deafTransaction() {
    const { OpenTransaction } = await built('transaction/open-transaction');
    around(OpenTransaction.prototype, 'watch', (watch, { ended }) => watch({ ended, lost: () => undefined }));
    const { XactLockHandle } = await built('locks/xact-lock-handle');
    getter(XactLockHandle.prototype, 'held', () => true);
  },

  /** Sessions go through the pooler, although there is a direct connection. */
  async pooled({ bounced, bouncer }) {
    const { connectorTo } = await built('session/connector');
    const { pool } = bounced().advisory.init.store.inner;
    pool.connector = connectorTo(bouncer);
    pool.options = { ...pool.options, trustPooler: true };
  },

  /** `holdAtLeast` is forgotten. */
  async noHoldAtLeast() {
    const { LockReference } = await built('locks/lock-reference');
    around(LockReference.prototype, 'keepAtLeast', () => undefined);
  },

  /** `sticky` is forgotten. */
  async notSticky() {
    const { KeyQueue } = await built('locks/key-queue');
    around(KeyQueue.prototype, 'grant', function (grant, head) {
      grant(head);
      this.sticky = false;
    });
  },

  /** Every lock is taken shared. */
  async allShared() {
    const { LockSession } = await built('session/lock-session');
    const shared = { x: 's', X: 'S', u: 'v', U: 'V' };
    around(LockSession.prototype, 'tryLock', function (tryLock, op) {
      if (op.code in shared) (this.falsely ??= new Set()).add(op.key.text);
      tryLock(Object.create(op, { code: { value: shared[op.code] ?? op.code } }));
    });
    around(LockSession.prototype, 'unlock', function (unlock, hold) {
      const done = unlock(hold);
      const { releases } = this.wire.commands.lastBatch;
      if (releases.at(-1) === hold && this.falsely?.delete(hold.key.text))
        releases.push(Object.create(releases.pop(), { code: { value: shared[hold.code] } }));
      return done;
    });
  },

  /** Of several ids, the first is locked. */
  async firstOnly() {
    const { AdvisoryLocks } = await built('locks/advisory-locks');
    around(AdvisoryLocks.prototype, 'take', (take, named, ...rest) => take(named.slice(0, 1), ...rest));
  },

  /** A flow that holds an id runs at once when it asks again, however it came to be in that flow. */
  async contextual() {
    const { LockTaker } = await built('locks/lock-taker');
    around(LockTaker.prototype, 'take', (take, named, options, context) =>
      take(named, { ...options, reentrant: true }, context),
    );
  },

  /** Listeners of the application are told before the holders, and not each by itself. */
  async swayed({ core }) {
    const { SessionPool } = await built('session/session-pool');
    around(SessionPool.prototype, 'onEnded', (onEnded, session, error) => {
      onEnded(session, error);
      const { pid } = session.facts;
      core().events.emit('sessionEnded', { type: 'sessionEnded', pid, locksLost: session.holdCount, error });
    });
  },

  /** The end of an inner lock ends the outermost, which is not told. */
  async innerEnds() {
    const { LockReference } = await built('locks/lock-reference');
    around(LockReference.prototype, 'forceRelease', function (forceRelease, error) {
      let outermost = this;
      while (outermost.outer !== undefined) outermost = outermost.outer;
      const released = forceRelease(error);
      return outermost === this ? released : outermost.queue.release(outermost);
    });
  },

  /** Works under an outer lock are not told of its loss. */
  async untoldInner() {
    const { NestedQueue } = await built('locks/nested-queue');
    around(NestedQueue.prototype, 'lose', () => undefined);
  },

  /** What a work gives back is passed on without a look at whether it can be trusted. */
  async passedOn() {
    const { KeyQueue } = await built('locks/key-queue');
    around(KeyQueue.prototype, 'advance', function (advance) {
      const { first } = this.requests;
      const { lock } = this.server;
      if (this.holders.length === 0 && first !== undefined && lock?.shared === first.shared)
        this.grant(first);
      return advance();
    });
  },

  /** Sessions that hold what they have waited for count towards the bound. */
  async boundHolders() {
    const { SessionPool } = await built('session/session-pool');
    getter(SessionPool.prototype, 'boundedCount', function () {
      return this.sessions.size;
    });
  },

  /** Readers join readers of their process without end. */
  async greedyReaders() {
    const { KeyQueue } = await built('locks/key-queue');
    around(KeyQueue.prototype, 'advance', function (advance) {
      for (let head = this.requests.first; head?.shared === true; head = this.requests.first) {
        if (this.holders.length === 0 || this.server.lock?.shared !== true) break;
        this.grant(head);
      }
      return advance();
    });
  },

  /** Deadlocks are looked for within the process. */
  async silentProbes() {
    const { DeadlockProbes } = await built('peers/deadlock-probes');
    around(DeadlockProbes.prototype, 'advance', function (_advance, probe) {
      this.follow(probe);
    });
  },

  /** The search for deadlocks looks at only forty of the locks that a flow holds. */
  async fortyHolds() {
    const { LockContext } = await built('locks/lock-context');
    around(LockContext.prototype, 'all', (all) => [...all()].slice(0, 40));
  },
};

/** Replaces a method; the replacement gets the old one, bound, before its arguments. */
function around(prototype, name, replacement) {
  const old = prototype[name];
  if (typeof old !== 'function') throw new Error(`There is no method ${name} to mutate.`);
  prototype[name] = function (...args) {
    return replacement.call(this, old.bind(this), ...args);
  };
}

/** Replaces a getter; the replacement gets what the old one says. */
function getter(prototype, name, replacement) {
  const { get } = Object.getOwnPropertyDescriptor(prototype, name);
  Object.defineProperty(prototype, name, {
    get() {
      return replacement.call(this, get.call(this));
    },
  });
}

function rewriteSql(rewrite) {
  around(pg.Client.prototype, 'query', (query, config, ...rest) => {
    if (typeof config === 'string') return query(rewrite(config), ...rest);
    const text = typeof config?.text === 'string' ? rewrite(config.text) : undefined;
    return query(text === undefined || text === config.text ? config : { ...config, text }, ...rest);
  });
}

import { FlowPids } from '../../../lib/session/flow-pids.js';

describe('the backends of a flow', () => {
  it('are counted, and are gone when all have left', () => {
    new FlowPids().run((scope) => {
      const leave = [scope.enter(1), scope.enter(1), scope.enter(2)];
      expect([...scope]).toEqual([1, 2]);
      leave[0]?.();
      leave[0]?.();
      expect(scope.has(1)).toBe(true);
      leave[1]?.();
      expect([...scope]).toEqual([2]);
    });
  });

  it('belong to the flows around it as well, and to no flow beside it', async () => {
    const pids = new FlowPids();
    await pids.run(async (outer) => {
      await Promise.all([
        pids.run(async (inner) => {
          const leave = pids.enter(7);
          expect([inner.has(7), outer.has(7)]).toEqual([true, true]);
          leave();
          expect(outer.size).toBe(0);
        }),
        pids.run(async (beside) => {
          expect(beside.has(7)).toBe(false);
        }),
      ]);
    });
  });

  it('are nothing outside of prioritized work', () => {
    const pids = new FlowPids();
    expect(pids.current).toBeUndefined();
    expect(() => {
      pids.enter(1)();
    }).not.toThrow();
  });
});

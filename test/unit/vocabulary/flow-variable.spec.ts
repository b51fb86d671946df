import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FlowVariable, outsideFlows } from '../../../lib/vocabulary/flow-variable.js';

describe('FlowVariable', () => {
  const first = new FlowVariable<string>();
  const second = new FlowVariable<number>();
  const both = () => [first.getStore(), second.getStore()];

  it('has no value outside of run', () => {
    expect(first.run('one', both)).toEqual(['one', undefined]);
    expect(both()).toEqual([undefined, undefined]);
  });

  it('hands arguments and the result on', () => {
    expect(first.run('one', (a: number, b: number) => a + b, 1, 2)).toBe(3);
  });

  it('nests, beside others, and restores the former value', () => {
    first.run('one', () => {
      second.run(2, () => {
        first.run('inner', () => expect(both()).toEqual(['inner', 2]));
        expect(both()).toEqual(['one', 2]);
      });
      expect(both()).toEqual(['one', undefined]);
    });
  });

  it('follows each of two flows through its awaits', async () => {
    const flow = (value: string) =>
      first.run(value, async () => {
        await turn();
        return second.run(value.length, async () => {
          await turn();
          return both();
        });
      });
    expect(await Promise.all([flow('a'), flow('bb')])).toEqual([
      ['a', 1],
      ['bb', 2],
    ]);
  });

  it('keeps nothing of the values that a flow has left behind', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const values = new FlowVariable<object>();
    const goOn = new AbortController();
    const within = () => {
      const value = {};
      const waiting = values.run(value, () =>
        values.run({}, async () => {
          await once(goOn.signal, 'abort');
          return values.getStore();
        }),
      );
      return { ref: new WeakRef(value), waiting };
    };
    const { ref, waiting } = within();
    await turn();
    collect();
    expect(ref.deref()).toBeUndefined();
    goOn.abort();
    expect(await waiting).toEqual({});
  });

  it('has no value outside of every flow, nor in what is started there', async () => {
    const inside = first.run('one', () =>
      second.run(2, async () => {
        const started = outsideFlows(async (label: string) => {
          await turn();
          return [label, ...both()];
        }, 'label');
        await turn();
        return [await started, both()];
      }),
    );
    expect(await inside).toEqual([
      ['label', undefined, undefined],
      ['one', 2],
    ]);
  });

  it('has the value of a flow that is begun outside of another', () => {
    first.run('one', () => outsideFlows(() => second.run(2, () => expect(both()).toEqual([undefined, 2]))));
  });
});

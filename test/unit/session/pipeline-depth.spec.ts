import { PipelineDepth } from '../../../lib/session/pipeline-depth.js';

describe('the depth of a pipeline', () => {
  it('is one next to the server, and grows with the distance', () => {
    expect([0.1, 0.5, 0.6, 1.1, 1.2, 4.9, 5, 50].map((ms) => new PipelineDepth(ms).value)).toEqual([
      1, 1, 2, 2, 4, 4, 16, 16,
    ]);
  });

  it('goes by the quickest answer, however slow others are while the machine is busy', () => {
    const depth = new PipelineDepth(5);
    depth.measured(0.2, 0, true);
    for (let now = 0; now < 29_000; now += 100) depth.measured(9, now, true);
    expect(depth.value).toBe(1);
  });

  it('goes down by any answer that was quicker than what is known, and up by none but those of small statements', () => {
    const depth = new PipelineDepth(5);
    depth.measured(0.4, 0, false);
    expect(depth.value).toBe(1);
    for (let now = 0; now <= 90_000; now += 1_000) depth.measured(9, now, false);
    expect(depth.value).toBe(1);
  });

  it('follows a network that has become slower for a minute', () => {
    const depth = new PipelineDepth(0.2);
    for (let now = 0; now <= 60_000; now += 1_000) depth.measured(9, now, true);
    expect(depth.value).toBe(16);
  });
});

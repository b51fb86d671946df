import { jobIdentity } from '../../../lib/jobs/job-identity.js';
import { errorText } from '../../../lib/jobs/error-text.js';
import { TICK, TICK_FINISHED, TICK_QUESTION } from '../../../lib/jobs/tick-messages.js';
import { decodeMessage, encodeMessage } from '../../../lib/peers/peer-message.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';

const sender = { id: 'AAAAAAAAAAAA', applicationName: 'api', host: 'h', pids: [1] };

describe('what replicas say of ticks', () => {
  // Replicas of all versions meet on one database: these bytes are for ever.
  it('is announced in these bytes', () => {
    const bytes =
      '{"v":1,"k":"tick","i":"AAAAAAAAAAAA","a":"api","h":"h","p":[1],"b":{"job":"bZtLGbuQB4w0QSRd","at":1764244800000,"name":"Invoices.export","replica":"h:42","late":3}}';
    const body = {
      job: 'bZtLGbuQB4w0QSRd',
      at: 1_764_244_800_000,
      name: 'Invoices.export',
      replica: 'h:42',
      late: 3,
    };
    const message = { ...sender, kind: TICK.name, asks: undefined, answers: undefined, body };
    expect(encodeMessage(message)).toBe(bytes);
    expect(TICK.read(decodeMessage(bytes)?.body)).toEqual(body);
  });

  it('is asked in these bytes', () => {
    const bytes =
      '{"v":1,"k":"tick?","i":"AAAAAAAAAAAA","a":"api","h":"h","p":[1],"q":"1","b":{"job":"bZtLGbuQB4w0QSRd","at":1764244800000}}';
    const body = { job: 'bZtLGbuQB4w0QSRd', at: 1_764_244_800_000 };
    const message = { ...sender, kind: TICK_QUESTION.name, asks: '1', answers: undefined, body };
    expect(encodeMessage(message)).toBe(bytes);
    expect(TICK_QUESTION.readQuestion(decodeMessage(bytes)?.body)).toEqual(body);
  });

  it('names a job by its lock keys and its name', () => {
    const identity = jobIdentity([lockKey('invoices')], 'Invoices.export');
    expect(identity).toBe('5iHfNf_X0IH90Hs7');
    expect(jobIdentity([lockKey('invoices', 'shop:')], 'Invoices.export')).not.toBe(identity);
    expect(jobIdentity([lockKey('invoices')], 'Invoices.purge')).not.toBe(identity);
  });

  it('may have fields of later versions', () => {
    const body = { job: 'j', at: 1, name: 'n', replica: 'r', late: 0, later: { field: true } };
    expect(TICK.read(body)).toEqual({ job: 'j', at: 1, name: 'n', replica: 'r', late: 0 });
    expect(TICK.read({ job: 'j', at: 1 })).toEqual({ job: 'j', at: 1, name: '', replica: '', late: 0 });
  });

  it.each([
    null,
    'tick',
    [],
    {},
    { job: 'j' },
    { job: '', at: 1 },
    { job: 'j', at: 1.5 },
    { job: 'j', at: '1' },
  ])('is not read from %j', (body) => {
    expect(TICK.read(body)).toBeUndefined();
    expect(TICK_QUESTION.readQuestion(body)).toBeUndefined();
  });

  it('ends with an outcome that is one', () => {
    const end = { job: 'j', at: 1, outcome: 'failed', startedAt: 5, duration: 7, error: 'e', replica: 'r' };
    expect(TICK_FINISHED.read(end)).toEqual(end);
    expect(TICK_FINISHED.read({ ...end, outcome: 'odd' })).toBeUndefined();
    expect(TICK_FINISHED.read({ ...end, at: null, duration: 'x', error: 3 })).toMatchObject({
      at: null,
      duration: null,
      error: null,
    });
  });
});

describe('the text of an error that travels', () => {
  it('is short, on one line, without literals', () => {
    expect(errorText(new TypeError("no user 'ada@example.org' with\n id 12345678"))).toBe(
      "TypeError: no user '…' with id …",
    );
    expect(errorText(new Error('x'.repeat(900)))).toHaveLength(200);
    expect(errorText(undefined)).toBe('an error');
  });
});

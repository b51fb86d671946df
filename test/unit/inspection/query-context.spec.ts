import { readContext } from '../../../lib/inspection/query-context.js';

describe('the context of a query', () => {
  it.each([
    [null, null, null],
    [null, 'api', null],
    [`route='%2Forders%2F%3Aid',traceparent='00-1'`, 'api', { route: '/orders/:id', traceparent: '00-1' }],
    [`name='it\\'s'`, null, { name: "it's" }],
    [`bad='%E0%A4%A'`, null, { bad: '%E0%A4%A' }],
    ['pga_context={"url": "/a", "user": 1}', null, { url: '/a', user: 1 }],
    ['pga_context={"url": "/a', null, { context: '{"url": "/a' }],
    [null, 'api;route=GET /orders;job=x=y', { route: 'GET /orders', job: 'x=y' }],
    [`route='b'`, 'api;route=a', { route: 'b' }],
    [null, 'api;nothing;=x', null],
    ['just words', null, null],
  ])('of comment %j and application %j is %j', (comment, application, expected) => {
    expect(readContext(comment, application)).toEqual(expected);
  });
});

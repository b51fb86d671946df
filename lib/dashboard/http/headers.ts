import type { ServerResponse } from 'node:http';

/** Everything comes from here, nothing inline, and the page is shown in no frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // Nothing in the page may become markup or script from a text.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** What every answer of the dashboard says, whatever middleware has said before: no other site may read it. @internal */
export function setHeaders(response: ServerResponse, more: Readonly<Record<string, string>>): void {
  for (const name of response.getHeaderNames())
    if (name.startsWith('access-control-')) response.removeHeader(name);
  for (const [name, value] of Object.entries({ ...HEADERS, ...more })) response.setHeader(name, value);
}

/** Answers with a text, and ends the response. @internal */
export function answerText(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  response.statusCode = status;
  setHeaders(response, {
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** @internal */
export function answerJson(response: ServerResponse, status: number, json: string): void {
  answerText(response, status, json, { 'content-type': 'application/json; charset=utf-8' });
}

/** The token of `pglock ui` stands in the query of the page, and goes along with every request. */
const token = new URLSearchParams(location.search).get('token');

/** An answer other than success, with what the server says about it. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export function address(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams();
  if (token !== null) search.set('token', token);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  const text = search.toString();
  return `api/${path}${text === '' ? '' : `?${text}`}`;
}

export function get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T> {
  return answerOf<T>(fetch(address(path, query), { headers: { accept: 'application/json' } }));
}

export function post<T>(path: string, connection: string | undefined, body?: unknown): Promise<T> {
  return answerOf<T>(
    fetch(address(path, { connection }), {
      method: 'POST',
      headers: { 'x-pglock': '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

async function answerOf<T>(asked: Promise<Response>): Promise<T> {
  const response = await asked;
  const body = (await response.json().catch(() => ({}))) as { message?: string };
  if (!response.ok)
    throw new Refused(response.status, body.message ?? `The server answered ${response.status}.`);
  return body as T;
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { PAGE_FOLDER } from '../page-folder.js';
import { answerText } from './headers.js';
import type { Exchange } from './exchange.js';

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

/** @internal */
export type PageFile = keyof typeof TYPES;

interface LoadedFile {
  readonly content: Buffer;
  readonly compressed: Buffer;
  readonly tag: string;
}

const compress = promisify(gzip);

/** The files of the page, read once. @internal */
export class PageFiles {
  private readonly loaded = new Map<PageFile, Promise<LoadedFile>>();

  /** @param suffix put behind the address of each file that the page asks for: a query with a token, or none. */
  constructor(private readonly suffix = '') {}

  static isFile(name: string): name is PageFile {
    return Object.hasOwn(TYPES, name);
  }

  async answer(name: PageFile, { headers, response }: Exchange): Promise<void> {
    const { content, compressed, tag } = await this.load(name);
    const known = {
      'content-type': TYPES[name],
      'cache-control': 'private, no-cache',
      etag: tag,
      vary: 'accept-encoding',
    };
    if (headers['if-none-match'] === tag) answerText(response, 304, '', known);
    else if (!/\bgzip\b/.test(headers['accept-encoding'] ?? '')) answerText(response, 200, content, known);
    else answerText(response, 200, compressed, { ...known, 'content-encoding': 'gzip' });
  }

  private load(name: PageFile): Promise<LoadedFile> {
    const known = this.loaded.get(name);
    if (known !== undefined) return known;
    const loading = this.read(name);
    this.loaded.set(name, loading);
    loading.catch(() => this.loaded.delete(name));
    return loading;
  }

  private async read(name: PageFile): Promise<LoadedFile> {
    const bytes = await readFile(new URL(name, PAGE_FOLDER));
    const content =
      name === 'index.html'
        ? Buffer.from(bytes.toString().replace(/\.\/(app\.js|app\.css|icon\.svg)/g, `./$1${this.suffix}`))
        : bytes;
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    return { content, compressed: await compress(content), tag };
  }
}

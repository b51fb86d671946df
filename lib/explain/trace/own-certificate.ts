import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import { selfSigned } from './self-signed.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The certificate of one run of the tracer, and the file in which clients find it that check what they are shown. The file is there
 * until {@link close}.
 *
 * @internal
 */
export class OwnCertificate {
  readonly #context;
  readonly #folder: string;
  readonly #file: string;

  /** @param env the command's environment: further authorities that it names stay. */
  constructor(env: Environment) {
    const { key, cert } = selfSigned();
    this.#context = createSecureContext({ key, cert });
    this.#folder = mkdtempSync(join(tmpdir(), 'pglock-explain-'));
    this.#file = join(this.#folder, 'certificate.pem');
    writeFileSync(this.#file, `${authoritiesIn(env)}${cert}`, { mode: 0o600 });
  }

  /** What lets Node and libpq trust the tracer. */
  get environment(): Record<string, string> {
    return { NODE_EXTRA_CA_CERTS: this.#file, PGSSLROOTCERT: this.#file };
  }

  /** Speaks TLS on a connection of a client that asked for it. @throws when they come to no agreement. */
  async startTls(socket: Duplex): Promise<Duplex> {
    const secure = new TLSSocket(socket, { isServer: true, secureContext: this.#context });
    secure.on('error', () => socket.destroy());
    await once(secure, 'secure');
    return secure;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function authoritiesIn({ NODE_EXTRA_CA_CERTS: file }: Environment): string {
  if (file === undefined || file === '') return '';
  try {
    return `${readFileSync(file, 'utf8').trimEnd()}\n`;
  } catch {
    // Node warns of it, and goes on.
    return '';
  }
}

import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

const IV_BYTES = 12;
const TAG_BYTES = 16;
/** What one sealed text may unfold to. */
const MOST_BYTES = 1_000_000;

/**
 * Closes what is told to one peer to all others: every client of the database hears what is told on its channel, also
 * those to whom the server would not show the statements of our role. The keys live as long as the process.
 *
 * X25519, HKDF with SHA-256, AES-256-GCM.
 *
 * @internal
 */
export class Seal {
  readonly publicKey: string;
  private readonly privateKey;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('x25519');
    this.privateKey = privateKey;
    this.publicKey = publicKey.export({ format: 'jwk' }).x ?? '';
  }

  /** @throws when that is no public key. */
  close(text: string, reader: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.secretWith(reader), iv);
    const sealed = Buffer.concat([cipher.update(deflateRawSync(text)), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** The text; undefined where it was not sealed for us by the one with that key. */
  open(sealed: string, writer: string): string | undefined {
    try {
      const bytes = Buffer.from(sealed, 'base64url');
      const decipher = createDecipheriv(
        'aes-256-gcm',
        this.secretWith(writer),
        bytes.subarray(0, IV_BYTES),
      ).setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const opened = [decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()];
      return inflateRawSync(Buffer.concat(opened), { maxOutputLength: MOST_BYTES }).toString();
    } catch {
      return undefined;
    }
  }

  private secretWith(publicKey: string): Buffer {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: publicKey }, format: 'jwk' });
    const shared = diffieHellman({ privateKey: this.privateKey, publicKey: key });
    return Buffer.from(hkdfSync('sha256', shared, '', 'nestjs-pglock peers', 32));
  }
}

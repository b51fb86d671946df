import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A key and a certificate that vouches for itself. @internal */
export interface SelfSigned {
  /** As PEM. */
  readonly key: string;
  /** As PEM. */
  readonly cert: string;
}

const DAY_MS = 86_400_000;
/** Longer than any run. */
const VALID_DAYS = 30;

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  utf8: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  extensions: 0xa3,
  dnsName: 0x82,
  ipAddress: 0x87,
} as const;

/** Object identifiers, encoded. */
const OID = {
  ecdsaWithSha256: Buffer.from('06082a8648ce3d040302', 'hex'),
  commonName: Buffer.from('0603550403', 'hex'),
  basicConstraints: Buffer.from('0603551d13', 'hex'),
  subjectAltName: Buffer.from('0603551d11', 'hex'),
} as const;

/**
 * Makes a certificate for `localhost` and 127.0.0.1, for clients that insist on TLS: Node can use certificates and cannot make
 * them, so that its few fields are put together here.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 * @internal
 */
export function selfSigned(): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(TAG.sequence, OID.ecdsaWithSha256);
  const name = der(
    TAG.sequence,
    der(TAG.set, der(TAG.sequence, OID.commonName, der(TAG.utf8, Buffer.from('pglock explain')))),
  );
  const body = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    name,
    der(TAG.sequence, time(Date.now() - DAY_MS), time(Date.now() + VALID_DAYS * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(TAG.extensions, der(TAG.sequence, constraints(), names())),
  );
  const signature = Buffer.concat([Buffer.alloc(1), sign('sha256', body, privateKey)]);
  const cert = der(TAG.sequence, body, algorithm, der(TAG.bits, signature));
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: pem(cert) };
}

/** It may be given as an authority, so that a client that checks can be told of it. */
function constraints(): Buffer {
  const yes = der(TAG.boolean, Buffer.from([0xff]));
  return der(TAG.sequence, OID.basicConstraints, yes, der(TAG.octets, der(TAG.sequence, yes)));
}

function names(): Buffer {
  const both = der(
    TAG.sequence,
    der(TAG.dnsName, Buffer.from('localhost')),
    der(TAG.ipAddress, Buffer.from([127, 0, 0, 1])),
  );
  return der(TAG.sequence, OID.subjectAltName, der(TAG.octets, both));
}

/** `YYMMDDHHMMSSZ`. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return der(TAG.time, Buffer.from(`${digits}Z`));
}

/** A tag, a length, and what it is about. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x82]), length, content]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

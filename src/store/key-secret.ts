/**
 * What a key's secret looks like and how it is recognised: `XJP_` and 32 random bytes in base64url. With 256 random
 * bits a plain SHA-256 is safe to store: there is nothing to guess, so a slow hash would only slow the gateway.
 */

const SECRET_BYTES = 32;
const MARK = "XJP_";
const SECRET_LENGTH = 47;
const PREFIX_LENGTH = 10;

export interface NewSecret {
  readonly secret: string;
  readonly hash: string;
  /** For people to tell keys apart: `XJP_ab12cd`. */
  readonly prefix: string;
}

export function createSecret(randomBytes: (count: number) => Uint8Array): NewSecret {
  const secret = MARK + Buffer.from(randomBytes(SECRET_BYTES)).toString("base64url");
  return { secret, hash: hashSecret(secret), prefix: secret.slice(0, PREFIX_LENGTH) };
}

export function hashSecret(secret: string): string {
  return Bun.SHA256.hash(secret, "hex");
}

export function isSecretFormat(text: string): boolean {
  return text.length === SECRET_LENGTH && /^XJP_[A-Za-z0-9_-]{43}$/.test(text);
}

/**
 * Encrypts the thoughts of a turn for the time they lie in the database. Key and name of a row are made from the
 * gateway's seal secret, the tenant and the anchor of the turn, which holds the call's id. The secret lies in the same
 * database and the id does not, so a copy of the database opens nothing; and whoever presents another tenant's id
 * computes another name.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

export interface ThoughtSealer {
  /** What the row is called. */
  name(tenantId: string, anchor: string): string;
  seal(text: string, tenantId: string, anchor: string): string;
  /** Undefined where it was not sealed so. */
  open(sealed: string, tenantId: string, anchor: string): string | undefined;
}

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Of what is sealed: raised when its shape changes, so that an older process's rows are unknown instead of misread. */
const SHAPE = "thoughts 1";

export function createThoughtSealer(secret: Uint8Array): ThoughtSealer {
  const derive = (purpose: "name" | "key", tenantId: string, anchor: string): Buffer =>
    createHmac("sha256", secret)
      .update(JSON.stringify([SHAPE, purpose, tenantId, anchor]))
      .digest();
  return {
    name: (tenantId, anchor) => derive("name", tenantId, anchor).toString("base64url"),
    seal(text, tenantId, anchor) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, derive("key", tenantId, anchor), nonce);
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
    },
    open(sealed, tenantId, anchor) {
      const bytes = Buffer.from(sealed, "base64");
      const body = bytes.subarray(NONCE_BYTES + TAG_BYTES);
      const key = derive("key", tenantId, anchor);
      try {
        const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES));
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        return decipher.update(body, undefined, "utf8") + decipher.final("utf8");
      } catch {
        // Cut, changed, or another's: as good as not there.
        return undefined;
      }
    },
  };
}

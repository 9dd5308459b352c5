/** Small inputs the demo's tests share. */

/** 3 x 2 pixels, 66 bytes. */
export const GREEN_PNG = makePng();

export const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 1 } },
  required: ["city"],
  additionalProperties: false,
};

function makePng(): string {
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(3, 0);
  header.writeUInt32BE(2, 4);
  header.set([8, 2], 8);
  const row = Buffer.from([0, 0, 255, 0, 0, 255, 0, 0, 255, 0]);
  const pixels = Buffer.from(Bun.deflateSync(Buffer.concat([row, row]), { library: "zlib" }));
  const chunks = [chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([signature, ...chunks]).toString("base64");
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(Bun.hash.crc32(body) >>> 0);
  return Buffer.concat([length, body, checksum]);
}

/** The error a call ends in. The SDKs' own promises are lazy, which `expect().rejects` does not understand. */
export async function errorOf(call: PromiseLike<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("the call was expected to fail, but it did not");
}

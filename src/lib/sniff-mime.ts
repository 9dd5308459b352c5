/** A file's media type by its first bytes, for servers that declare none or a wrong one. */

interface Magic {
  readonly mime: string;
  /** Latin-1 text at an offset, all of which must be there. */
  readonly marks: readonly (readonly [offset: number, text: string])[];
}

const MAGIC: readonly Magic[] = [
  { mime: "image/png", marks: [[0, "\x89PNG\r\n\x1a\n"]] },
  { mime: "image/jpeg", marks: [[0, "\xff\xd8\xff"]] },
  { mime: "image/gif", marks: [[0, "GIF8"]] },
  {
    mime: "image/webp",
    marks: [
      [0, "RIFF"],
      [8, "WEBP"],
    ],
  },
  { mime: "image/heic", marks: [[4, "ftyphei"]] },
  { mime: "image/heif", marks: [[4, "ftypmif1"]] },
  { mime: "application/pdf", marks: [[0, "%PDF-"]] },
  {
    mime: "audio/wav",
    marks: [
      [0, "RIFF"],
      [8, "WAVE"],
    ],
  },
  { mime: "audio/mpeg", marks: [[0, "ID3"]] },
  { mime: "audio/flac", marks: [[0, "fLaC"]] },
  { mime: "audio/ogg", marks: [[0, "OggS"]] },
  { mime: "video/quicktime", marks: [[4, "ftypqt"]] },
  { mime: "audio/mp4", marks: [[4, "ftypM4A"]] },
  { mime: "video/mp4", marks: [[4, "ftyp"]] },
  { mime: "video/webm", marks: [[0, "\x1a\x45\xdf\xa3"]] },
];
const HEAD_BYTES = 32;

/** Undefined where the bytes tell nothing. */
export function sniffMime(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString("latin1");
  return MAGIC.find(({ marks }) => marks.every(([offset, text]) => head.startsWith(text, offset)))?.mime;
}

import { expect, test } from "bun:test";
import { sniffMime } from "./sniff-mime.ts";

const cases: readonly (readonly [string, string | undefined])[] = [
  ["\x89PNG\r\n\x1a\nrest", "image/png"],
  ["\xff\xd8\xff\xe0rest", "image/jpeg"],
  ["GIF89a", "image/gif"],
  ["RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"],
  ["RIFF\x01\x02\x03\x04WAVEfmt ", "audio/wav"],
  ["RIFF\x01\x02\x03\x04AVI ", undefined],
  ["\0\0\0\x18ftypheic", "image/heic"],
  ["\0\0\0\x18ftypmif1", "image/heif"],
  ["\0\0\0\x18ftypisom", "video/mp4"],
  ["\0\0\0\x18ftypM4A ", "audio/mp4"],
  ["\0\0\0\x18ftypqt  ", "video/quicktime"],
  ["\x1a\x45\xdf\xa3", "video/webm"],
  ["%PDF-1.7", "application/pdf"],
  ["ID3\x04", "audio/mpeg"],
  ["OggS", "audio/ogg"],
  ["fLaC", "audio/flac"],
  ["<!doctype html>", undefined],
  ["PNG", undefined],
  ["", undefined],
];

test.each(cases)("%j is %p", (text, mime) => {
  expect(sniffMime(Buffer.from(text, "latin1"))).toBe(mime);
});

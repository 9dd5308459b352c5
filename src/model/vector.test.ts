import { expect, test } from "bun:test";
import { Failure } from "./failure.ts";
import { toBase64, toNumbers } from "./vector.ts";

test("numbers become little-endian float32 in base64", () => {
  expect(toBase64([1, -2])).toBe("AACAPwAAAMA=");
  expect(toNumbers("AACAPwAAAMA=")).toEqual([1, -2]);
});

test("what is written the wanted way already is left as it is", () => {
  const numbers = [0.1, 0.2];
  expect(toNumbers(numbers)).toBe(numbers);
  expect(toBase64("AACAPw==")).toBe("AACAPw==");
});

test("a float32 comes back as the number it stands for, without digits nobody computed", () => {
  expect(toNumbers(toBase64([0.1, 3.4e-5]))).toEqual([0.1, 0.000034].map((value) => nearest(value)));
});

const nearest = (value: number) => Number(Math.fround(value).toPrecision(9));

test.each(["", "AAA="])("base64 that holds no whole numbers is the upstream's fault: %p", (text) => {
  expect(() => toNumbers(text)).toThrow(Failure);
});

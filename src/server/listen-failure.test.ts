import { expect, test } from "bun:test";
import { Failure } from "#model/failure.ts";
import { toListenFailure } from "./listen-failure.ts";

const place = { host: "h", port: 80, portNames: "PORTS", hostNames: "HOSTS" };
const coded = (code: string) => Object.assign(new Error("Failed to listen at h"), { code });

test.each([
  ["a busy port", coded("EADDRINUSE"), /^Port 80 of h is in use.* with PORTS\.$/],
  ["a port for root alone", coded("EACCES"), /^Port 80 of h may not be opened by this user.* with PORTS\.$/],
  ["another machine's address", coded("EADDRNOTAVAIL"), /^h is no address of this machine.* HOSTS/],
  ["a name nobody has", new Error("Failed to listen at h"), /^h is no address of this machine.* HOSTS/],
])("%s is an operating error that says what to change", (_, cause, message) => {
  const failure = toListenFailure(cause, place);
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ message: expect.stringMatching(message) });
});

test.each([
  ["a bug", new TypeError("a bug")],
  ["a lack of descriptors", coded("EMFILE")],
  ["what is no error", "thrown text"],
])("%s passes unchanged", (_, cause) => {
  expect(toListenFailure(cause, place)).toBe(cause);
});

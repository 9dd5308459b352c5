/** Every pair through a listening gateway, while the upstream refuses, breaks off, or breaks its own rules (P1, P2). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asNumber, asObject, asString, parseJson } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import { callApi } from "../gateway/call-api.ts";
import { model, startMatrix, type Matrix } from "../gateway/start-matrix.ts";
import { checkStream } from "./check-stream.ts";
import { apis } from "./rooms.ts";

/** Fault of the simulated upstream, and the status a client gets (Messages: 529 for an overload). */
const refusals = {
  "400": 400,
  "404": 502,
  "413": 413,
  context: 400,
  quota: 502,
  "402": 502,
  "403": 502,
  "502": 502,
  "529": 503,
  html: 502,
  reset: 502,
  // Both say that the upstream is overloaded, inside an answer of status 200.
  "error-200": 503,
  "error-first": 503,
  empty: 502,
} as const;

/** In the middle of a stream: all of these end in the client API's own error. */
const breaks = ["cut", "eof", "malformed", "error-mid", "no-finish"] as const;

let matrix: Matrix;

beforeAll(async () => {
  matrix = await startMatrix({
    models: [...Object.keys(refusals), ...breaks].map((fault) => `demo-fault-${fault}`),
    settings: ["retry: { attempts_max: 1 }", "breaker: { requests_min: 100000 }"],
  });
});

afterAll(() => matrix.stop());

/** Only OpenAI has a word for a spent quota; elsewhere it is a limit like others. */
const isLimit = (fault: string, upstream: ProtocolName) =>
  fault === "quota" && (upstream === "anthropic-messages" || upstream === "gemini");

/** Messages has a status of its own for an overload. */
const statusFor = (client: ProtocolName, status: number) =>
  status === 503 && client === "anthropic-messages" ? 529 : status;

describe.each(apis)("a client of %s", (client) => {
  describe.each(apis)("on %s", (upstream) => {
    test.each(Object.entries(refusals))("%s before the first byte is %i", async (fault, status) => {
      const expected = statusFor(client, isLimit(fault, upstream) ? 429 : status);
      for (const stream of [false, true]) {
        // A whole answer has no first event to go wrong.
        if (fault === "error-first" && !stream) continue;
        const response = await callApi(matrix.gateway, {
          api: client,
          model: model(`demo-fault-${fault}`, upstream),
          stream,
        });
        const body = asObject(parseJson(await response.text()));
        const error = asObject(body?.["error"]);
        expect({ stream, status: response.status }).toEqual({ stream, status: expected });
        expect(response.headers.get("content-type")).toStartWith("application/json");
        expect(asString(error?.["message"])).toBeTruthy();
        if (client === "gemini") expect(asNumber(error?.["code"])).toBe(expected);
        else expect(asString(error?.["type"])).toBeTruthy();
      }
    });

    test.each(breaks)("%s in the middle of a stream ends in an error", async (fault) => {
      const response = await callApi(matrix.gateway, {
        api: client,
        model: model(`demo-fault-${fault}`, upstream),
        stream: true,
      });
      const text = await response.text();
      expect(response.status).toBe(200);
      expect(text).not.toMatch(/\[DONE\]|"message_stop"|"response\.completed"|"finishReason"/);
      // In the native lane the events before the error are the upstream's own.
      if (client === upstream)
        expect(text.slice(text.lastIndexOf("data: "))).toMatch(/"error"|response\.failed/);
      else expect(checkStream(client, text)).toBe("error");
    });
  });
});

/** Every recorded request of the three other APIs, sent to Gemini: encoded in its grammar, or refused by name. */
import { describe, expect, test } from "bun:test";
import { asArray, asObject, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { encodeRequest } from "#protocols/gemini/encode-request.ts";
import { openaiChat } from "#protocols/openai-chat/openai-chat.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import type { Dialect, Protocol } from "#protocols/protocol.ts";
import { jsonSchemaErrors, subsetErrors } from "../gemini-schema-validator.ts";
import { readRecordings } from "../recording.ts";

const targets: readonly Dialect[] = [
  { model: "gemini-3-flash", vendor: "google", route: "g", host: "aistudio" },
  { model: "gemini-2.0-flash", vendor: "google", route: "g", host: "aistudio" },
  { model: "gemini-2.5-pro", vendor: "google", route: "v", host: "vertex" },
];
const line = { headers: new Headers(), unseal: () => undefined };

for (const protocol of [openaiChat, openaiResponses, anthropicMessages] satisfies readonly Protocol[]) {
  describe(`requests of ${protocol.name}`, () => {
    const chats = readRecordings(protocol.name).flatMap((recording) =>
      decode(protocol, recording.request?.body),
    );

    test("there are enough", () => expect(chats.length).toBeGreaterThan(50));

    for (const dialect of targets) {
      test(`are encoded for ${dialect.model}, or refused by name`, () => {
        const bodies = chats.flatMap((chat) => encode(chat, dialect));
        expect(bodies.length).toBeGreaterThan(chats.length * 0.8);
        for (const body of bodies) checkBody(body);
      });
    }
  });
}

function decode(protocol: Protocol, body: JsonObject | undefined): readonly Chat[] {
  try {
    return body ? [protocol.client.decodeRequest(body, line)] : [];
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

function encode(chat: Chat, dialect: Dialect): readonly JsonObject[] {
  try {
    return [encodeRequest(chat, dialect).body];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.kind).toBe("unsupported");
    expect(error.detail.param).toBeDefined();
    return [];
  }
}

function checkBody(body: JsonObject): void {
  const contents = asArray(body["contents"]).map((content) => asObject(content) ?? {});
  const roles = contents.map((content) => content["role"]);
  expect(roles[0]).toBe("user");
  expect(roles.every((role, index) => role !== roles[index - 1])).toBe(true);
  for (const content of contents) expect(asArray(content["parts"]).length).toBeGreaterThan(0);
  for (const tool of asArray(body["tools"])) {
    for (const value of asArray(asObject(tool)?.["functionDeclarations"])) {
      const declaration = asObject(value) ?? {};
      expect(declaration["name"]).toMatch(/^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/);
      if (declaration["parameters"]) expect(subsetErrors(declaration["parameters"])).toEqual([]);
      const real = declaration["parametersJsonSchema"];
      if (real) expect(jsonSchemaErrors(real)).toEqual([]);
    }
  }
}

import { expect, test } from "bun:test";
import type { AssistantPart, Opaque, Turn } from "./chat.ts";
import { cutThoughts, lacksThoughts, putThoughtsBack } from "./turn-thoughts.ts";

const claude: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "sig" };
const google: Opaque = { kind: "google_thought_signature", vendor: "google", data: "sig" };
const unsigned: Opaque = { kind: "unsigned", vendor: "unknown", data: "" };
const thought = (text: string, signature?: Opaque): AssistantPart => ({
  type: "reasoning",
  kind: "raw",
  text,
  ...(signature && { signature }),
});
const call = (id: string, signature?: Opaque): AssistantPart => ({
  type: "tool_call",
  id,
  name: "f",
  argumentsText: "{}",
  ...(signature && { signature }),
});
const text = (said: string): AssistantPart => ({ type: "text", text: said });
const turn = (...parts: AssistantPart[]) => ({ side: "assistant", parts }) as const satisfies Turn;

test.each<readonly [string, readonly AssistantPart[], boolean, number | undefined]>([
  ["no call", [thought("a", claude), text("x")], true, undefined],
  ["no thought", [text("x"), call("a")], true, undefined],
  ["a signed thought", [thought("a", claude), call("a")], false, 2],
  ["a plain thought nobody wants", [thought("a"), call("a")], false, undefined],
  ["a plain thought marked as such", [thought("a", unsigned), call("a")], false, undefined],
  ["a plain thought that is wanted", [thought("a"), call("a")], true, 2],
  ["a plain part of a signed item", [thought("a"), thought("b", claude), call("a")], false, 3],
  ["Google's thought, which it takes never", [thought("a"), call("a", google)], true, 1],
  ["an empty thought", [thought(""), call("a")], true, undefined],
])("%s", (_, parts, takesUnsigned, places) => {
  expect(cutThoughts(parts, takesUnsigned)?.length).toBe(places);
});

test("nothing the answer said or called with is in what is kept", () => {
  const kept = cutThoughts([thought("why", claude), text("secret answer"), call("a", google)], false);
  expect(JSON.stringify(kept)).not.toContain("secret answer");
  expect(JSON.stringify(kept)).not.toContain("argumentsText");
});

test.each<readonly [string, readonly AssistantPart[]]>([
  ["thoughts, text, calls", [thought("1", claude), text("x"), call("a"), call("b")]],
  ["thoughts between calls", [thought("1", claude), call("a"), thought("2", claude), call("b")]],
  ["text before thoughts", [text("x"), thought("1", claude), call("a")]],
  [
    "signed text and calls",
    [{ type: "text", text: "x", signature: google }, call("a", google), call("b", google)],
  ],
])("%s are put back as they were", (_, parts) => {
  const kept = cutThoughts(parts, false);
  const bare = [
    ...parts.filter((part) => part.type === "text"),
    ...parts.filter((part) => part.type === "tool_call"),
  ];
  const echoed = turn(...bare.map(({ signature: __, ...part }) => part));
  expect(kept && putThoughtsBack(echoed, kept)).toEqual(turn(...parts));
});

test("calls the client added or left out, and other parts, stay as it sent them", () => {
  const kept = cutThoughts([thought("1", claude), call("a"), call("b")], false) ?? [];
  const image: AssistantPart = { type: "image", media: { from: "url", url: "https://example.com/a.png" } };
  const sent = turn(image, call("b"), call("c"));
  expect(putThoughtsBack(sent, kept)).toEqual(turn(thought("1", claude), image, call("b"), call("c")));
});

test("thoughts that led only to a call the client left out are not put at the end of its turn", () => {
  const parts = [
    thought("1", claude),
    call("a"),
    thought("2", claude),
    call("b"),
    thought("3", claude),
    call("c"),
  ];
  const kept = cutThoughts(parts, false) ?? [];
  expect(putThoughtsBack(turn(call("a")), kept)).toEqual(turn(thought("1", claude), call("a")));
  expect(putThoughtsBack(turn(call("a"), call("c")), kept)).toEqual(
    turn(thought("1", claude), call("a"), thought("2", claude), thought("3", claude), call("c")),
  );
  const last = cutThoughts([call("a"), thought("1", claude)], false) ?? [];
  expect(putThoughtsBack(turn(call("a")), last)).toEqual(turn(call("a"), thought("1", claude)));
});

test("a plain thought that came back gives way to the signed one, and stays where that is all", () => {
  const sent = turn(thought("1"), call("a"));
  const signed = cutThoughts([thought("1", claude), call("a")], false) ?? [];
  const plain = cutThoughts([thought("1"), call("a")], true) ?? [];
  expect(putThoughtsBack(sent, signed)).toEqual(turn(thought("1", claude), call("a")));
  expect(putThoughtsBack(sent, plain)).toBe(sent);
});

test.each<readonly [string, Turn, boolean]>([
  ["a call alone", turn(call("a")), true],
  ["a call with a plain thought", turn(thought("x"), call("a")), true],
  ["a call with state", turn(call("a", google)), false],
  ["a thought with state", turn(thought("x", claude), call("a")), false],
  ["text alone", turn(text("x")), false],
  ["a user's turn", { side: "user", parts: [{ type: "text", text: "x" }] }, false],
])("%s lacks its thoughts: see the last column", (_, given, expected) => {
  expect(lacksThoughts(given)).toBe(expected);
});

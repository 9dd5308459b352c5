/** `docs/translation.md`, made from the golden cases and from the replay of the recordings: nothing in it is typed by hand. */
import type { ProtocolName } from "#model/chat.ts";
import { sendAllRecorded } from "../matrix/recorded-requests.ts";
import type { Cell } from "../matrix/replay.ts";
import { apis } from "../matrix/rooms.ts";
import { fateOf, type Fate } from "./outcome.ts";
import { goldenCases } from "./translate.ts";

const titles: Readonly<Record<ProtocolName, string>> = {
  "openai-chat": "Chat Completions",
  "openai-responses": "Responses",
  "anthropic-messages": "Messages",
  gemini: "Gemini",
};

export function translationPage(cells: readonly Cell[]): string {
  return [
    "# Translation between the APIs",
    INTRODUCTION,
    "## Requests",
    REQUESTS,
    ...apis.map(requestTable),
    "### Recorded requests",
    RECORDED,
    recordedTable(),
    "## Answers",
    ANSWERS,
    pairTable(cells),
    featureTable(cells),
    LIMITS,
  ].join("\n\n");
}

const INTRODUCTION = `Every client API goes to every upstream API: sixteen pairs. This page says what each pair does with each
feature. It is made by \`node scripts/translation.mjs\` from the cases in \`test/golden\` and the recorded traffic in
\`test/recordings\`, and a test holds it to them.`;

const REQUESTS = `Tables by the API the caller speaks; columns are the API of the upstream that serves. The models are current
ones of each API's maker; another model may take more or less.

- **kept**: the upstream reads the same meaning.
- **changed**: said in another way, because the API has no such field: an error flag becomes the text \`Error: ...\`, an effort
  a budget. The places are named as in the canonical form.
- **dropped**: left out, and listed in \`x-xjp-dropped\` by the names given here; with \`x-xjp-strict: true\` a 400 instead.
- **refused**: a 400 naming the field, because the answer would be to another question. Where a model has several targets,
  the next one is tried first.

Pictures and documents by address are fetched by the gateway where the upstream cannot fetch them; the tables show the
translation alone; likewise a \`previous_response_id\` of an answer this gateway keeps, which it turns into the conversation
before any of this. Towards the same API the caller's own body goes up, with unknown fields and all.`;

const RECORDED = `Every recorded request that its provider accepted, towards every upstream API: kept / changed / dropped / refused, as
above. No word that a person, a model or a tool said is missing in any that is sent.`;

const ANSWERS = `Every recorded answer of each upstream API goes through our decoder and each client's encoder to the official
SDK of that client API, in three forms: whole, streamed, and cut off in the middle. Text, thoughts, refusals, tool calls,
code, media, opaque state, cited addresses, the reason of the end and the tokens must be what the upstream said; every
stream obeys its API's grammar; a cut one makes the SDK raise. A cell counts recordings that hold in all three forms.`;

const LIMITS = `What an answer cannot carry everywhere:

- Blocks of hosted tools (web search results, containers, MCP calls) go only to clients of the API they come from; the text
  and its citations go to all.
- Several answers to one question go to clients of Chat Completions and Gemini; the others get the first.
- Citations without an address (places in a document) go only to clients of the API they come from.
- Code that a provider ran is text for clients of Chat Completions and Messages. A signature on it stays behind, because it
  could not return as what was signed.
- Generated pictures and sounds become a note, or the transcript, for clients of Messages, and sounds their transcript for clients
  of Responses.
- Arguments that the output limit cut off cannot be said as an object: clients of Gemini get no such call, only \`MAX_TOKENS\`.
`;

// ---- requests -------------------------------------------------------------------------------------------------

function requestTable(client: ProtocolName): string {
  const rows = goldenCases
    .filter(({ inputs }) => inputs[client])
    .map((golden) => [golden.feature, ...apis.map((upstream) => showFate(fateOf(golden, client, upstream)))]);
  return [
    `### From a client of ${titles[client]}`,
    table(["feature", ...apis.map((upstream) => `to ${titles[upstream]}`)], rows),
  ].join("\n\n");
}

function showFate(fate: Fate | undefined): string {
  switch (fate?.fate) {
    case undefined:
      return "";
    case "kept":
      return "kept";
    case "changed":
      return `changed: ${fate.where.map(code).join(", ")}`;
    case "dropped":
      return `dropped: ${fate.what.map(code).join(", ")}`;
    case "refused":
      return `refused: ${code(fate.param)}`;
  }
}

function recordedTable(): string {
  const cells = sendAllRecorded();
  const rows = apis.map((client) => [
    `from a client of ${titles[client]}`,
    ...apis.map((upstream) => {
      const ofPair = cells.filter((cell) => cell.client === client && cell.upstream === upstream);
      return (["kept", "changed", "dropped", "refused"] as const)
        .map((fate) => ofPair.filter((cell) => cell.fate === fate).length)
        .join(" / ");
    }),
  ]);
  return table(["", ...apis.map((upstream) => `to ${titles[upstream]}`)], rows);
}

const code = (name: string) => `\`${name}\``;

// ---- answers --------------------------------------------------------------------------------------------------

/** Recordings that hold, of all. */
function pairTable(cells: readonly Cell[]): string {
  const rows = apis.map((upstream) => [
    `from ${titles[upstream]}`,
    ...apis.map((client) => {
      const ofPair = cells.filter((cell) => cell.upstream === upstream && cell.client === client);
      const held = ofPair.filter(({ problems }) => problems.length === 0);
      return `${held.length} of ${ofPair.length}`;
    }),
  ]);
  const { length } = cells;
  const held = cells.filter(({ problems }) => problems.length === 0).length;
  return [
    `${held} of ${length} cells hold.`,
    table(["", ...apis.map((client) => `to a client of ${titles[client]}`)], rows),
  ].join("\n\n");
}

/** By what the recordings hold: how many recordings of each upstream API, each to all four clients. */
function featureTable(cells: readonly Cell[]): string {
  const features = [...new Set(cells.flatMap((cell) => cell.features))].sort();
  const rows = features.map((feature) => [
    feature,
    ...apis.map((upstream) => {
      const counts = apis.map((client) => heldWith(cells, { upstream, client, feature }));
      return new Set(counts).size === 1 ? showCount(counts[0] ?? 0) : counts.join(" / ");
    }),
  ]);
  return [
    "By feature of the recording (tags of the exchange, question and answer); a number holds for each of the four clients:",
    table(["feature", ...apis.map((upstream) => `from ${titles[upstream]}`)], rows),
  ].join("\n\n");
}

interface Column {
  readonly upstream: ProtocolName;
  readonly client: ProtocolName;
  readonly feature: string;
}

function heldWith(cells: readonly Cell[], { upstream, client, feature }: Column): number {
  return cells.filter(
    (cell) =>
      cell.upstream === upstream &&
      cell.client === client &&
      cell.problems.length === 0 &&
      cell.features.includes(feature),
  ).length;
}

const showCount = (count: number) => (count === 0 ? "" : `${count} x 4`);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Says what an upstream cannot take, naming the first such thing and what to use in its place. */
import { Failure } from "#model/failure.ts";
import type { Feature } from "./connector.ts";

const NAMES: Readonly<Record<Feature, string>> = {
  tools: "tools",
  image: "images",
  image_url: "images by URL",
  document: "documents",
  document_url: "documents by URL",
  audio: "audio",
  video: "video",
};

/** `unsupported`, so that another target of the same model may still take the request. */
export function refusal(
  upstream: string,
  features: ReadonlySet<Feature>,
  refused: Readonly<Partial<Record<Feature, string>>>,
): Failure | undefined {
  for (const feature of features) {
    const instead = refused[feature];
    if (instead === undefined) continue;
    return new Failure("unsupported", `${upstream} takes no ${NAMES[feature]}: ${instead}`, {
      code: `unsupported_${feature}`,
    });
  }
  return undefined;
}

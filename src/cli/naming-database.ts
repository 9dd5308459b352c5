/** Says which database is not available: the gateway's own message is for clients, who must not learn it. */
import { Failure } from "#model/failure.ts";

const POSTGRES_PORT = "5432";

/** Runs work on the database of this URL. Its failures name host and port, or the file, and never user or password. */
export async function namingDatabase<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const place = placeOf(url);
    if (!(error instanceof Failure) || error.detail.code !== "store_unavailable" || place === undefined)
      throw error;
    throw new Failure(error.kind, `The database ${place} is not available.`, error.detail);
  }
}

/** Undefined where the driver may look elsewhere than the URL says, as for a socket named in its query. */
function placeOf(url: string): string | undefined {
  if (/^sqlite:/i.test(url)) return url.slice("sqlite:".length).replace(/\?.*$/, "");
  const parsed = URL.parse(url);
  if (!parsed || parsed.hostname === "" || parsed.searchParams.has("host")) return undefined;
  return `at ${parsed.hostname}:${parsed.port || POSTGRES_PORT}`;
}

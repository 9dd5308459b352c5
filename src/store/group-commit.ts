/**
 * Rows that come while a write is under way are written together by the next one: many streams that end at once cost
 * one transaction, and a lone one waits for nothing. A row's promise resolves when it is committed.
 */

/** Rows of one statement: databases bound its parameters. */
const BATCH_MAX = 500;

interface Waiting<Row> {
  readonly row: Row;
  resolve(): void;
  reject(error: unknown): void;
}

export function createGroupCommit<Row>(
  insert: (batch: readonly Row[]) => Promise<void>,
): (row: Row) => Promise<void> {
  const waiting: Waiting<Row>[] = [];
  let isWriting = false;

  const write = async (): Promise<void> => {
    if (isWriting) return;
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH_MAX);
      try {
        await insert(batch.map(({ row }) => row));
        for (const entry of batch) entry.resolve();
      } catch (error) {
        for (const entry of batch) entry.reject(error);
      }
    }
    isWriting = false;
  };

  return (row) =>
    new Promise((resolve, reject) => {
      waiting.push({ row, resolve, reject });
      void write(); // It settles the promises itself.
    });
}

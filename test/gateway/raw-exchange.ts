/** Bytes to a port and all bytes back, for what no HTTP client would send. */
const QUIET_MS = 300;

export async function rawExchange(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<void>();
  let received = "";
  let quiet: ReturnType<typeof setTimeout> | undefined;
  // A server that keeps the connection for a next request never ends it: silence is the end.
  const wait = () => {
    clearTimeout(quiet);
    quiet = setTimeout(resolve, QUIET_MS);
  };
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_, chunk) {
        received += chunk.toString("latin1");
        wait();
      },
      close: () => resolve(),
      error: () => resolve(),
    },
  });
  wait();
  socket.write(bytes);
  await promise;
  clearTimeout(quiet);
  socket.end();
  return received;
}

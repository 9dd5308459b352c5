/** A bare TCP connection, to learn whether anybody listens. */

export interface TcpConnection {
  /** Resolves when the connection stands; rejects where it is refused or the name does not resolve. */
  readonly opened: Promise<void>;
  close(): void;
}

export function tcpConnect(host: string, port: number): TcpConnection {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = Bun.connect({
    hostname: host,
    port,
    socket: { open: () => resolve(), data: () => undefined, connectError: (_, error) => reject(error) },
  });
  socket.catch(reject);
  return {
    opened: promise,
    close: () => {
      // Where it never opened, there is nothing to close.
      socket.then((opened) => opened.end()).catch(() => undefined);
    },
  };
}

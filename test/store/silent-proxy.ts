/** A TCP proxy that can fall silent, as a network does: connections stay open, and nothing comes through any more. */
import type { Socket } from "bun";

interface Link {
  peer: Socket<Link> | undefined;
  readonly waiting: Uint8Array[];
  isMuted: boolean;
}

export interface SilentProxy extends Disposable {
  readonly port: number;
  /** Mutes the connections there are; new ones work. */
  muteOpen(): void;
}

export function startSilentProxy(port: number): SilentProxy {
  const links = new Set<Link>();
  const newLink = (): Link => {
    const link: Link = { peer: undefined, waiting: [], isMuted: false };
    links.add(link);
    return link;
  };
  const pass = (socket: Socket<Link>, chunk: Uint8Array) => {
    if (socket.data.isMuted) return;
    if (socket.data.peer) socket.data.peer.write(chunk);
    else socket.data.waiting.push(Uint8Array.from(chunk));
  };
  const part = (socket: Socket<Link>) => {
    links.delete(socket.data);
    socket.data.peer?.end();
  };
  const server = Bun.listen<Link>({
    hostname: "127.0.0.1",
    port: 0,
    data: newLink(),
    socket: {
      async open(client) {
        client.data = newLink();
        const upstream = await Bun.connect<Link>({
          hostname: "127.0.0.1",
          port,
          data: { ...newLink(), peer: client },
          socket: { open: (socket) => void links.add(socket.data), data: pass, close: part },
        });
        for (const chunk of client.data.waiting.splice(0)) upstream.write(chunk);
        client.data.peer = upstream;
      },
      data: pass,
      close: part,
    },
  });
  return {
    port: server.port,
    muteOpen() {
      for (const link of links) link.isMuted = true;
    },
    [Symbol.dispose]: () => server.stop(true),
  };
}

/** Every command of `xjp`, in the order of the help. Loaded when called, so that a small command starts fast. */
import type { Command } from "./command.ts";

export interface CommandEntry {
  readonly name: string;
  load(): Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  { name: "serve", load: async () => (await import("./serve.ts")).serve },
  { name: "keygen", load: async () => (await import("./keygen.ts")).keygen },
  { name: "keys", load: async () => (await import("./keys.ts")).keys },
  { name: "tenants", load: async () => (await import("./tenants.ts")).tenants },
  { name: "usage", load: async () => (await import("./usage.ts")).usage },
  { name: "config", load: async () => (await import("./config.ts")).config },
  { name: "migrate", load: async () => (await import("./migrate.ts")).migrate },
  { name: "demo-upstream", load: async () => (await import("./demo-upstream.ts")).demoUpstream },
];

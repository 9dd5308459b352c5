/**
 * What opaque state that the gateway sealed begins with. A protocol's room knows it only to keep a forged or foreign
 * seal from its upstream; opening one is `RequestLine.unseal`.
 */
export const SEAL_PREFIX = "xjp1.";

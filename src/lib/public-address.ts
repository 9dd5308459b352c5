/**
 * Whether an IP address is one of the public internet. A server that fetches what a stranger names must not reach
 * its own machine, its neighbours or the cloud's metadata service; an address that cannot be read is not public.
 */
import { isIPv4, isIPv6 } from "node:net";

export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (isIPv4(bare)) return isPublicIpv4(bare.split(".").map(Number));
  // A zone (`fe80::1%eth0`) exists only on a local link.
  if (!isIPv6(bare) || bare.includes("%")) return false;
  return isPublicIpv6(toGroups(bare));
}

type Block = readonly [first: number, second: number | readonly [number, number] | undefined, third?: number];

/** Special-purpose blocks (IANA registry), down to the octet that tells them apart. */
const IPV4_BLOCKS: readonly Block[] = [
  [0, undefined],
  [10, undefined],
  [100, [64, 127]],
  [127, undefined],
  [169, 254],
  [172, [16, 31]],
  [192, 0, 0],
  [192, 0, 2],
  [192, 88, 99],
  [192, 168],
  [198, [18, 19]],
  [198, 51, 100],
  [203, 0, 113],
];
/** Multicast, reserved and broadcast. */
const IPV4_UNICAST_END = 224;

function isPublicIpv4(octets: readonly number[]): boolean {
  const [first = 0, second = 0, third = 0] = octets;
  if (first >= IPV4_UNICAST_END) return false;
  return !IPV4_BLOCKS.some(([blockFirst, blockSecond, blockThird]) => {
    if (first !== blockFirst) return false;
    if (blockThird !== undefined && third !== blockThird) return false;
    if (blockSecond === undefined) return true;
    if (typeof blockSecond === "number") return second === blockSecond;
    return second >= blockSecond[0] && second <= blockSecond[1];
  });
}

function isPublicIpv6(groups: readonly number[]): boolean {
  const [first = 0, second = 0] = groups;
  const startsWithZeros = (count: number): boolean => groups.slice(0, count).every((group) => group === 0);
  // IPv4 in disguise: mapped, translated, NAT64 and 6to4. What counts is where the packet ends up.
  if (startsWithZeros(5) && groups[5] === 0xffff) return isPublicIpv4(octetsAt(groups, 6));
  if (first === 0x64 && second === 0xff9b && groups.slice(2, 6).every((group) => group === 0)) {
    return isPublicIpv4(octetsAt(groups, 6));
  }
  if (first === 0x2002) return isPublicIpv4(octetsAt(groups, 1));
  // Only 2000::/3 is global unicast; within it Teredo and documentation are not.
  if (first < 0x2000 || first > 0x3fff) return false;
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false;
  return !(first === 0x3fff && second < 0x1000);
}

function octetsAt(groups: readonly number[], index: number): readonly number[] {
  return groups.slice(index, index + 2).flatMap((group) => [group >> 8, group & 0xff]);
}

function toGroups(address: string): readonly number[] {
  // A dotted tail is two groups.
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = octets.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = hex.split("::");
  const before = readGroups(head);
  if (tail === undefined) return before;
  const after = readGroups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after];
}

function readGroups(text: string): readonly number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** The same object without its undefined fields: absent must stay absent, all the way to the other wire. */

type Present<Shape> = { [Name in keyof Shape]?: Exclude<Shape[Name], undefined> };

export function present<Shape extends object>(shape: Shape): Present<Shape> {
  // The one cast: a copy from which every undefined has been deleted has the type that says so.
  const kept = { ...shape } as Present<Shape>;
  for (const name in kept) if (kept[name] === undefined) delete kept[name];
  return kept;
}

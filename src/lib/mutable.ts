/** The shape of a record while it is being filled in, field by field. */
export type Mutable<Shape> = { -readonly [Name in keyof Shape]: Shape[Name] };

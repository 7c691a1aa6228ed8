/** Upper bounds on what a peer may make this process hold. Exceeding one closes the connection it came by. */
export interface PvaLimits {
  /** Bytes of one message, or of all segments of one message together. */
  readonly maxMessageBytes: number
  /** Nesting of types and of variants inside variants. pvxs itself stops at about 20. */
  readonly maxDepth: number
  /** Nodes of one type description, cached descriptions counted in full each time they are used. */
  readonly maxFields: number
  /**
   * Elements of one array of strings, structures, unions or variants (numeric arrays are bounded by their bytes). All
   * of a message together may be four times as many, with every field of a structure counted.
   */
  readonly maxItems: number
}

export const defaultLimits: PvaLimits = {
  maxMessageBytes: 256 * 1024 * 1024,
  maxDepth: 32,
  maxFields: 16_384,
  maxItems: 4_000_000,
}

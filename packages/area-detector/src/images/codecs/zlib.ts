import { damaged } from "./damaged.ts"

/** Inflates a zlib stream (RFC 1950), with Node's own library. */
export async function decodeZlib(input: Uint8Array, size: number): Promise<Uint8Array> {
  const { inflateSync } = await import("node:zlib")
  let output: Uint8Array
  try {
    output = inflateSync(input, { maxOutputLength: Math.max(1, size) })
  } catch (cause) {
    throw damaged(`zlib: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
  if (output.length !== size) throw damaged(`zlib: it holds ${output.length} bytes, not ${size}`)
  return output
}

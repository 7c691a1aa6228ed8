/** One character of a pattern, or any number of them. */
type Piece = "any" | ((character: string) => boolean)

/**
 * A shell wildcard as Python's fnmatch reads it: `*` (also across slashes), `?`, `[a-z]`, `[!a-z]`. Takes a time of
 * at most pattern × text: the patterns come from a peer.
 */
export function wildcard(pattern: string): (text: string) => boolean {
  const pieces = pattern.match(/\*+|\[!?\]?[^\]]*\]|[\s\S]/g)?.map(pieceOf) ?? []
  return text => {
    let at = 0
    let piece = 0
    /** Where to try again: the last star takes one character more. */
    let star = -1
    let starEnd = 0
    while (at < text.length) {
      const test = pieces[piece]
      if (test === "any") {
        star = piece++
        starEnd = at
      } else if (test?.(text.charAt(at)) === true) {
        piece++
        at++
      } else if (star >= 0) {
        piece = star + 1
        at = ++starEnd
      } else return false
    }
    while (pieces[piece] === "any") piece++
    return piece === pieces.length
  }
}

function pieceOf(text: string): Piece {
  if (text.startsWith("*")) return "any"
  if (text === "?") return () => true
  if (text.length < 3 || !text.startsWith("[")) return character => character === text
  const negated = text.startsWith("[!") && text.length > 3
  const ranges = [...text.slice(negated ? 2 : 1, -1).matchAll(/([\s\S])-([\s\S])|[\s\S]/g)]
  const inside = (character: string) =>
    ranges.some(([one, from, to]) =>
      from !== undefined && to !== undefined ? from <= character && character <= to : one === character,
    )
  return character => inside(character) !== negated
}

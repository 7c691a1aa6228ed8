/** A code block of a page of the documentation. */
export interface Block {
  language: string
  /** As in ` ```ts file=plan.ts `. */
  file: string | undefined
  text: string
}

/** The code blocks of a page, in its order. */
export const blocksOf = (page: string): Block[] =>
  [...page.matchAll(/^```(\w+)(?: file=(\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", file, text = ""]) => ({ language, file, text }),
  )

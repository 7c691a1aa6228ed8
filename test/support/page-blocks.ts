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

/** The code of a page in a language, block by block. */
export const codeOf = (page: string, language: string): string[] =>
  blocksOf(page)
    .filter(block => block.language === language)
    .map(({ text }) => text)

/** The programs of a page: code with the name of its file. */
export const programsOf = (page: string): { file: string; text: string }[] =>
  blocksOf(page).flatMap(({ language, file, text }) =>
    language === "ts" && file !== undefined ? [{ file, text }] : [],
  )

/** A word of a command after expansion. */
export interface BashWord {
  text: string
  /** First line of the word, from 1. */
  readonly line: number
  /** Why only a shell could tell the text; null when it is known. */
  unresolved: string | null
}

/** What a variable holds now; `unresolved` when it was set to something that only a shell can tell. */
export type BashVariables = (name: string) => { value: string | undefined; unresolved: boolean }

/**
 * The simple commands of a bash text as lists of words. Lazy: a command is expanded when it is asked for, so that it
 * sees what the caller did with those before. Nothing is run; the output of a command becomes an unresolved word.
 */
export class BashWords implements Iterable<BashWord[]> {
  readonly #text: string
  readonly #variables: BashVariables
  #at = 0
  #word: BashWord | null = null

  constructor(text: string, variables: BashVariables) {
    this.#text = text.replaceAll("\r\n", "\n")
    this.#variables = variables
  }

  *[Symbol.iterator](): Generator<BashWord[]> {
    let words: BashWord[] = []
    const close = () => {
      if (this.#word !== null) words.push(this.#word)
      this.#word = null
    }
    while (this.#at < this.#text.length) {
      if (this.#take(/\\\n/y)) continue
      if (this.#take(/[ \t]+/y)) close()
      else if (this.#word === null && this.#take(/#[^\n]*/y)) continue
      else if (this.#take(/[\n;&|()]+/y)) {
        close()
        if (words.length > 0) yield words
        words = []
      } else this.#piece()
    }
    close()
    if (words.length > 0) yield words
  }

  /** A part of a word: quoted, escaped, expanded or plain. */
  #piece(): void {
    const word = this.#open()
    const single = this.#take(/'([^']*)'?/y)
    if (single !== null) word.text += single[1] ?? ""
    else if (this.#take(/"/y)) this.#doubleQuoted(word)
    else if (!this.#expansion(word)) {
      const [all = "", escaped] = this.#take(/\\([\s\S]?)|[^\s;&|()'"\\$`]+|[\s\S]/y) ?? []
      word.text += escaped ?? all
    }
  }

  #doubleQuoted(word: BashWord): void {
    while (this.#at < this.#text.length && !this.#take(/"/y)) {
      if (this.#take(/\\\n/y) || this.#expansion(word)) continue
      const [all = "", escaped] = this.#take(/\\(["\\$`])|[^"\\$`]+|[\s\S]/y) ?? []
      word.text += escaped ?? all
    }
  }

  /** `$NAME`, `${NAME}`, `${NAME:-text}`; anything else that starts with `$` or a backquote is left to a shell. */
  #expansion(word: BashWord): boolean {
    const variable = this.#take(/\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-([^}$`]*))?\})/y)
    if (variable !== null) {
      const name = variable[1] ?? variable[2] ?? ""
      const { value, unresolved } = this.#variables(name)
      if (unresolved) word.unresolved = `it uses $${name}, which is not known without running the file`
      word.text += value || (variable[3] ?? "")
      return true
    }
    if (this.#take(/\$(?=\()/y)) this.#skipBrackets()
    else if (!this.#take(/`[^`]*`?|\$\{[^}]*\}?|\$[\w@*#?$!-]/y)) return false
    word.unresolved = "it needs a shell to be known"
    return true
  }

  #skipBrackets(): void {
    let depth = 0
    for (; this.#at < this.#text.length; this.#at += 1) {
      const char = this.#text[this.#at]
      if (char === "(") depth += 1
      if (char === ")") depth -= 1
      if (depth === 0) break
    }
    this.#at += 1
  }

  #open(): BashWord {
    this.#word ??= { text: "", line: this.#text.slice(0, this.#at).split("\n").length, unresolved: null }
    return this.#word
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found !== null) this.#at = pattern.lastIndex
    return found
  }
}

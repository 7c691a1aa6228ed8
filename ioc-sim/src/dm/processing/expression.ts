import { DmSimError } from "../errors.ts"

/** An expression of `runIf` or `repeatUntil` that cannot be understood. */
export class ExpressionError extends DmSimError {
  override readonly name = "ExpressionError"
  constructor(message: string) {
    super("DM_SIM_EXPRESSION", message)
  }
}

type Value = string | number | boolean | null | readonly Value[]
interface Token {
  readonly kind: "text" | "number" | "word" | "sign" | "end"
  readonly text: string
  readonly at: number
}

const limits = { length: 65_536, depth: 100 }
const tokenPattern =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(==|!=|<=|>=|[<>()[\],+-]))/sy

/**
 * The truth of a Python-like condition: texts, numbers, `True`, `False`, `None`, lists; `== != < <= > >= in not in`
 * (also chained), `not`, `and`, `or`, brackets. Nothing else exists, so nothing can be executed.
 * @throws ExpressionError on anything else.
 */
export function evaluateCondition(expression: string): boolean {
  if (expression.length > limits.length) {
    throw new ExpressionError(
      `the expression has ${expression.length} characters, more than ${limits.length}`,
    )
  }
  return truth(new Parser(expression).whole())
}

class Parser {
  readonly #source: string
  readonly #tokens: readonly Token[]
  #position = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
    this.#tokens = tokens(source)
  }

  whole(): Value {
    const value = this.#or()
    const rest = this.#peek()
    if (rest.kind !== "end") throw this.#unexpected(rest)
    return value
  }

  #or(): Value {
    let left = this.#and()
    while (this.#word("or")) {
      const right = this.#and()
      left = truth(left) ? left : right
    }
    return left
  }

  #and(): Value {
    let left = this.#not()
    while (this.#word("and")) {
      const right = this.#not()
      left = truth(left) ? right : left
    }
    return left
  }

  #not(): Value {
    if (!this.#word("not")) return this.#comparison()
    return this.#deeper(() => !truth(this.#not()))
  }

  /** Chains as Python does: `1 < 2 < 3` means `1 < 2 and 2 < 3`. */
  #comparison(): Value {
    let left = this.#operand()
    let holds: boolean | undefined
    for (let operator = this.#operator(); operator !== undefined; operator = this.#operator()) {
      const right = this.#operand()
      holds = (holds ?? true) && compare(operator, left, right)
      left = right
    }
    return holds ?? left
  }

  #operator(): string | undefined {
    const token = this.#peek()
    if (token.kind === "sign" && /^([=!<>]=|[<>])$/.test(token.text)) {
      this.#position++
      return token.text
    }
    if (this.#word("in")) return "in"
    if (token.kind === "word" && token.text === "not" && this.#peek(1).text === "in") {
      this.#position += 2
      return "not in"
    }
    return undefined
  }

  #operand(): Value {
    const token = this.#peek()
    this.#position++
    if (token.kind === "text") return unquote(token.text)
    if (token.kind === "number") return Number(token.text)
    if (token.kind === "word" && token.text in constants) return constants[token.text] ?? null
    if (token.kind === "sign" && (token.text === "-" || token.text === "+")) {
      const number = this.#deeper(() => this.#operand())
      if (typeof number !== "number") throw this.#unexpected(token)
      return token.text === "-" ? -number : number
    }
    if (token.kind === "sign" && token.text === "(") {
      const value = this.#deeper(() => this.#or())
      this.#expect(")")
      return value
    }
    if (token.kind === "sign" && token.text === "[") return this.#deeper(() => this.#list())
    throw this.#unexpected(token)
  }

  #list(): Value {
    const items: Value[] = []
    while (!this.#sign("]")) {
      items.push(this.#or())
      if (this.#sign("]")) break
      this.#expect(",")
    }
    return items
  }

  #deeper<T>(parse: () => T): T {
    if (++this.#depth > limits.depth) throw new ExpressionError(`nested deeper than ${limits.depth}`)
    const value = parse()
    this.#depth--
    return value
  }

  #peek(ahead = 0): Token {
    return this.#tokens[this.#position + ahead] ?? { kind: "end", text: "", at: this.#source.length }
  }

  #word(text: string): boolean {
    const token = this.#peek()
    if (token.kind !== "word" || token.text !== text) return false
    this.#position++
    return true
  }

  #sign(text: string): boolean {
    const token = this.#peek()
    if (token.kind !== "sign" || token.text !== text) return false
    this.#position++
    return true
  }

  #expect(text: string): void {
    if (!this.#sign(text)) throw this.#unexpected(this.#peek(), `"${text}"`)
  }

  #unexpected(token: Token, expected = "a value"): ExpressionError {
    const found = token.kind === "end" ? "its end" : `"${token.text.slice(0, 40)}"`
    return new ExpressionError(
      `expression ${JSON.stringify(this.#source.slice(0, 200))}: ${expected} expected at ${token.at}, found ${found}`,
    )
  }
}

const constants: Readonly<Record<string, Value>> = Object.assign(Object.create(null), {
  True: true,
  False: false,
  None: null,
})

function tokens(source: string): Token[] {
  const found: Token[] = []
  const end = source.trimEnd().length
  for (let at = 0; at < end; ) {
    tokenPattern.lastIndex = at
    const match = tokenPattern.exec(source)
    if (match === null) {
      const shown = JSON.stringify(source.slice(0, 200))
      throw new ExpressionError(
        `expression ${shown}: nothing valid at ${at}: ${JSON.stringify(source.slice(at, at + 20))}`,
      )
    }
    const [whole, text, number, word, sign] = match
    const kind =
      text !== undefined ? "text" : number !== undefined ? "number" : word !== undefined ? "word" : "sign"
    const raw = text ?? number ?? word ?? sign ?? ""
    found.push({ kind, text: raw, at: at + whole.length - raw.length })
    at += whole.length
  }
  return found
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\n": "" }

const unquote = (text: string): string =>
  text.slice(1, -1).replace(/\\(.)/gs, (whole, c: string) => escapes[c] ?? (/["'\\]/.test(c) ? c : whole))

function truth(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0
  return Boolean(value)
}

function equal(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => equal(item, b[i] ?? null))
  }
  // Python counts True as 1.
  const number = (v: Value) => (typeof v === "boolean" ? Number(v) : v)
  return number(a) === number(b)
}

function compare(operator: string, a: Value, b: Value): boolean {
  switch (operator) {
    case "==":
      return equal(a, b)
    case "!=":
      return !equal(a, b)
    case "in":
      return contains(b, a)
    case "not in":
      return !contains(b, a)
    default:
      return ordered(operator, a, b)
  }
}

function contains(whole: Value, part: Value): boolean {
  if (typeof whole === "string" && typeof part === "string") return whole.includes(part)
  if (Array.isArray(whole)) return whole.some(item => equal(item, part))
  throw new ExpressionError(
    `"in" needs a text in a text, or a list; not ${describe(part)} in ${describe(whole)}`,
  )
}

function ordered(operator: string, a: Value, b: Value): boolean {
  const numbers = typeof a === "number" && typeof b === "number"
  if (!numbers && !(typeof a === "string" && typeof b === "string")) {
    throw new ExpressionError(
      `"${operator}" compares two numbers or two texts; not ${describe(a)} and ${describe(b)}`,
    )
  }
  if (operator === "<") return a < b
  if (operator === "<=") return a <= b
  return operator === ">" ? a > b : a >= b
}

const describe = (value: Value): string =>
  Array.isArray(value) ? "a list" : JSON.stringify(value).slice(0, 40)

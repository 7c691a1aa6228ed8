/** Identifiers as DM's look, repeatable from a seed. */
export class Ids {
  #state: number
  #serial = 0

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A version 4 uuid: jobs, DAQs, uploads. */
  uuid(): string {
    const h = this.#hex(32)
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20)}`
  }

  /** 24 hexadecimal digits, growing: workflows, files, datasets. */
  objectId(): string {
    this.#serial++
    return this.#hex(16) + this.#serial.toString(16).padStart(8, "0")
  }

  /** Value of a session cookie. */
  token(): string {
    return this.#hex(40)
  }

  #hex(digits: number): string {
    let text = ""
    while (text.length < digits) text += this.#next().toString(16).padStart(8, "0")
    return text.slice(0, digits)
  }

  /** splitmix32: one addition and a few mixes, enough for names. */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
}

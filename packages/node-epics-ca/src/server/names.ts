import { type ChannelFilters, parseFilters } from "./filters.ts"
import type { ServerPv } from "./pv.ts"
import { coreOf } from "./pv.ts"
import type { PvCore } from "./pv-core.ts"

/** Finds PVs that were not added: by name, at once, each time a client asks. Must give the same PV for the same name. */
export type PvProvider = (name: string) => ServerPv | undefined

/** What a client's name stands for. */
export interface ResolvedName {
  readonly pv: PvCore
  /** A string asked for as characters, by a `$` at the end of the field. */
  readonly longString: boolean
  /** What the name says to do with what is seen, if anything. */
  readonly filters?: ChannelFilters
}

/** The names a server answers to. */
export class NameTable {
  readonly #pvs = new Map<string, ServerPv>()
  readonly #providers: PvProvider[] = []

  get pvs(): Iterable<ServerPv> {
    return this.#pvs.values()
  }

  has(name: string): boolean {
    return this.#pvs.has(name)
  }

  /** The PV of exactly this name. */
  get(name: string): ServerPv | undefined {
    const known = this.#pvs.get(name)
    if (known !== undefined) return known
    for (const provider of this.#providers) {
      const found = provider(name)
      if (found !== undefined) return found
    }
    return undefined
  }

  set(pv: ServerPv): void {
    this.#pvs.set(pv.name, pv)
  }

  delete(name: string): ServerPv | undefined {
    const pv = this.#pvs.get(name)
    this.#pvs.delete(name)
    return pv
  }

  addProvider(provider: PvProvider): void {
    this.#providers.push(provider)
  }

  /** Understands `.VAL` for a name without a field, `$` behind the field of a string, and filters behind all that. */
  resolve(name: string): ResolvedName | undefined {
    const found = this.#resolvePlain(name)
    // Filters stand behind a field, which may be empty; a bracket may also belong to a name.
    const [, plain, tail] = found === undefined ? (/^(.*\.\w*\$?)([[{].*)$/.exec(name) ?? []) : []
    if (plain === undefined || tail === undefined) return found
    const filters = parseFilters(tail)
    const seen = this.#resolvePlain(plain.endsWith(".") ? plain.slice(0, -1) : plain)
    return filters === undefined || seen === undefined ? undefined : { ...seen, filters }
  }

  #resolvePlain(name: string): ResolvedName | undefined {
    const plain = this.#withField(name)
    if (plain !== undefined) return { pv: plain, longString: false }
    if (!name.endsWith("$") || !name.includes(".")) return undefined
    const field = name.slice(0, -1)
    const pv = this.#withField(field.endsWith(".") ? field.slice(0, -1) : field)
    return pv?.isString ? { pv, longString: true } : undefined
  }

  #withField(name: string): PvCore | undefined {
    const pv = this.get(name) ?? (name.endsWith(".VAL") ? this.get(name.slice(0, -4)) : undefined)
    return pv === undefined ? undefined : coreOf(pv)
  }
}

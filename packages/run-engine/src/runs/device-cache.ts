import type { Configurable, DataKeys, HasHints, Hints, Named, Readable, Readings } from "@ophyd-ts/core"
import type { Configuration } from "../documents/types.ts"
import { MissingProtocol } from "../errors.ts"
import { allOf, andThen, nameOf } from "../util.ts"

/** What a descriptor says about one object. */
export interface Described {
  dataKeys: DataKeys
  configuration: Configuration
  /** Null for objects that give none. */
  hints: Hints | null
}

/** Descriptions and configurations of a run's objects: asked for once, until `configure` makes one stale. */
export class DeviceCache {
  readonly #known = new Map<Named, Described>()

  /** All descriptions, at once when they are known. */
  describe(objs: readonly Named[]): Described[] | Promise<Described[]> {
    return allOf(objs.map(obj => this.#known.get(obj) ?? this.#ask(obj)))
  }

  #ask(obj: Named): Described | Promise<Described> {
    const { describe } = obj as Readable
    if (typeof describe !== "function") throw new MissingProtocol("read", obj, "describe")
    return andThen((obj as Readable).describe(), keys =>
      andThen(configurationOf(obj), configuration => {
        const described = {
          dataKeys: withObjectName(keys, nameOf(obj)),
          configuration,
          hints: (obj as Partial<HasHints>).hints ?? null,
        }
        this.#known.set(obj, described)
        return described
      }),
    )
  }

  forget(obj: Named): void {
    this.#known.delete(obj)
  }
}

export function withObjectName(keys: DataKeys, name: string): DataKeys {
  return Object.fromEntries(Object.entries(keys).map(([key, dk]) => [key, { ...dk, object_name: name }]))
}

/** The configuration part of a descriptor; empty for objects that have none. */
export function configurationOf(obj: Named): Configuration | Promise<Configuration> {
  const { readConfiguration, describeConfiguration } = obj as Partial<Configurable>
  if (typeof readConfiguration !== "function" || typeof describeConfiguration !== "function") {
    return { data: {}, timestamps: {}, data_keys: {} }
  }
  const both = allOf<Readings | DataKeys>([readConfiguration.call(obj), describeConfiguration.call(obj)]) as [
    Readings,
    DataKeys,
  ]
  return andThen(both, ([readings, data_keys]) => {
    const entries = Object.entries(readings)
    return {
      data: Object.fromEntries(entries.map(([key, r]) => [key, r.value])),
      timestamps: Object.fromEntries(entries.map(([key, r]) => [key, r.timestamp])),
      data_keys,
    }
  })
}

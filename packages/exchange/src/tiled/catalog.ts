/** What a catalogue can be told, each until it is done: an attempt whose outcome is open is looked after, not repeated blindly. */
import { arrowSchema, type Fields } from "../arrow/file.ts"
import { type Body, json, type TiledClient, TiledError } from "./client.ts"
import type { DataType } from "./ndarray.ts"

export type Path = readonly string[]

export interface Spec {
  name: string
  version: string | null
}

export interface NodeOptions {
  metadata: unknown
  specs?: readonly Spec[]
  accessTags?: readonly string[] | null
}

export interface ArrayStructure {
  data_type: DataType
  shape: number[]
  /** Lengths of the chunks along each axis. */
  chunks: number[][]
  dims: string[] | null
}

/** Files of others, and how they make up one array or one sequence of bytes. */
export interface FileSource {
  structure_family: "array" | "bytes"
  structure: unknown
  mimetype: string
  parameters: Record<string, unknown>
  properties: Record<string, unknown>
  assets: { data_uri: string; is_directory: boolean; parameter: string; num: number }[]
}

type Persist = <T>(attempt: (n: number) => Promise<T>) => Promise<T>

const arrow = "application/vnd.apache.arrow.file"

export class Catalog {
  readonly #client: TiledClient
  readonly #persist: Persist
  readonly #signal: AbortSignal

  constructor(client: TiledClient, persist: Persist, signal: AbortSignal) {
    this.#client = client
    this.#persist = persist
    this.#signal = signal
  }

  container(path: Path, options: NodeOptions): Promise<void> {
    return this.#create("metadata", path, "container", [], options)
  }

  /** A table to which rows can be appended. */
  table(path: Path, fields: Fields, options: NodeOptions): Promise<void> {
    const base64 = Buffer.from(arrowSchema(fields)).toString("base64")
    const structure = {
      arrow_schema: `data:${arrow};base64,${base64}`,
      npartitions: 1,
      columns: fields.map(f => f.name),
      resizable: false,
    }
    const source = {
      structure_family: "table",
      structure,
      mimetype: "application/x-tiled-sql-table",
      ...writable,
    }
    return this.#create("metadata", path, "table", [source], options)
  }

  /**
   * Appends rows, each once: when it is open whether an attempt was carried out, the rows that are there are counted.
   *
   * @param before - how many rows the table has
   */
  async appendRows(path: Path, file: Uint8Array, before: number): Promise<void> {
    let uncertain = false
    await this.#persist(async () => {
      if (uncertain && (await this.#rows(path)) > before) return
      uncertain = false
      try {
        await this.#request("PATCH", "table/partition", path, {
          query: { partition: "0" },
          body: { type: arrow, bytes: file },
        })
      } catch (error) {
        uncertain = error instanceof TiledError && error.uncertain
        throw error
      }
    })
  }

  array(path: Path, structure: ArrayStructure, options: NodeOptions): Promise<void> {
    const source = {
      structure_family: "array",
      structure: { ...structure, resizable: false },
      mimetype: null,
      ...writable,
    }
    return this.#create("metadata", path, "array", [source], options)
  }

  async writeArray(path: Path, bytes: Uint8Array): Promise<void> {
    await this.#persist(() => this.#request("PUT", "array/full", path, { body: octets(bytes) }))
  }

  /** Writes at these rows, and makes the array as long as that needs. */
  async extendArray(
    path: Path,
    bytes: Uint8Array,
    firstRow: number,
    shape: readonly number[],
  ): Promise<void> {
    const query = { offset: String(firstRow), shape: shape.join(","), extend: "true" }
    await this.#persist(() => this.#request("PATCH", "array/full", path, { query, body: octets(bytes) }))
  }

  /** A node for files that the server reads itself. */
  files(path: Path, source: FileSource, options: NodeOptions): Promise<void> {
    const full = { ...source, id: null, management: "external" }
    return this.#create("register", path, source.structure_family, [full], options)
  }

  /** Says that there is more in the files. `rows`: from where, how many, with the lengths of the other axes. */
  async moreFiles(
    path: Path,
    source: FileSource,
    offset: readonly number[],
    shape: readonly number[],
  ): Promise<void> {
    await this.#persist(async () => {
      const node = (await this.#request("GET", "metadata", path, {
        query: { include_data_sources: "true" },
      })) as { data?: { attributes?: { data_sources?: { id?: number }[] } } } | null
      const id = node?.data?.attributes?.data_sources?.[0]?.id ?? null
      await this.#request("PUT", "data_source", path, {
        query: { patch_shape: shape.join(","), patch_offset: offset.join(",") },
        body: json({ data_source: { ...source, id, management: "external" } }),
      })
    })
  }

  /** Sets keys of a node's metadata. */
  async setMetadata(path: Path, values: Readonly<Record<string, unknown>>): Promise<void> {
    const metadata = Object.entries(values).map(([key, value]) => ({
      op: "add",
      path: `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
      value,
    }))
    const body = json({
      "content-type": "application/json-patch+json",
      metadata,
      specs: null,
      access_tags: null,
    })
    await this.#persist(() =>
      this.#request("PATCH", "metadata", path, { query: { drop_revision: "true" }, body }),
    )
  }

  /** Tells those who follow a node live that nothing more comes. */
  async closeStream(path: Path): Promise<void> {
    await this.#persist(() => this.#request("DELETE", "stream/close", path))
  }

  /** Takes a node and everything below it away; nothing happens where there is none. */
  async remove(path: Path): Promise<void> {
    await this.#persist(() =>
      this.#request("DELETE", "metadata", path, {
        query: { recursive: "true", external_only: "false" },
      }).catch(error => {
        if (!(error instanceof TiledError) || error.status !== 404) throw error
      }),
    )
  }

  async #create(
    endpoint: string,
    path: Path,
    family: string,
    sources: readonly unknown[],
    { metadata, specs = [], accessTags = null }: NodeOptions,
  ): Promise<void> {
    const parent = path.slice(0, -1)
    const body = json({
      id: path.at(-1),
      structure_family: family,
      metadata,
      specs,
      data_sources: sources,
      access_tags: accessTags,
    })
    let uncertain = false
    await this.#persist(async () => {
      try {
        await this.#request("POST", endpoint, parent, { body })
      } catch (error) {
        if (!(error instanceof TiledError)) throw error
        // "It exists": it was made by the attempt whose answer never came.
        if (uncertain && error.status === 409) return
        uncertain ||= error.uncertain
        throw error
      }
    })
  }

  async #rows(path: Path): Promise<number> {
    const columns = (await this.#request("GET", "table/partition", path, {
      query: { partition: "0", column: "seq_num", format: "application/json" },
    })) as { seq_num?: unknown[] } | null
    return columns?.seq_num?.length ?? 0
  }

  #request(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    endpoint: string,
    path: Path,
    options: { query?: Record<string, string>; body?: Body } = {},
  ): Promise<unknown> {
    return this.#client.request(method, endpoint, path, { ...options, signal: this.#signal })
  }
}

const writable = { id: null, parameters: {}, properties: {}, assets: [], management: "writable" }

const octets = (bytes: Uint8Array): Body => ({ type: "application/octet-stream", bytes })

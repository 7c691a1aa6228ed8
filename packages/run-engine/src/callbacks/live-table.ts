import { type DataKey, rowsOf } from "@ophyd-ts/core"
import type { Event, EventDescriptor, EventPage, RunStart, RunStop, Subscriber } from "../documents/types.ts"
import { DocumentRouter } from "./router.ts"

export interface LiveTableOptions {
  /** Receives the text, lines and all: `text => process.stdout.write(text)`. */
  write: (text: string) => void
  /** Columns after number and time; default the scan's dimensions and the hinted fields of the stream. */
  fields?: readonly string[]
  /** Default `primary`. */
  stream?: string
  /** Least width of a column; default 10. */
  minWidth?: number
  /** Digits after the point where the data key states none; default 3. */
  defaultPrecision?: number
  /** The time column, from seconds since 1970; default local wall time with tenths of a second. */
  formatTime?: (time: number) => string
}

/** A text table that grows as events arrive. A subscriber: `RE.subscribe(liveTable({ write }))`. */
export const liveTable = (options: LiveTableOptions): Subscriber => new LiveTable(options).subscriber

const localTime = (time: number): string => {
  const date = new Date(time * 1000)
  const two = (n: number) => String(n).padStart(2, "0")
  const tenths = Math.floor(date.getMilliseconds() / 100)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${tenths}`
}

interface Column {
  field: string
  width: number
  show: (value: unknown) => string
}

class LiveTable extends DocumentRouter {
  readonly #options: Required<Omit<LiveTableOptions, "fields">> & { fields: readonly string[] | undefined }
  #start: RunStart | null = null
  #descriptor: string | null = null
  #columns: Column[] = []

  constructor(options: LiveTableOptions) {
    super()
    this.#options = {
      write: options.write,
      fields: options.fields,
      stream: options.stream ?? "primary",
      minWidth: options.minWidth ?? 10,
      defaultPrecision: options.defaultPrecision ?? 3,
      formatTime: options.formatTime ?? localTime,
    }
  }

  override start(doc: RunStart): void {
    this.#start = doc
    this.#descriptor = null
    this.#columns = []
  }

  override descriptor(doc: EventDescriptor): void {
    if (doc.name !== this.#options.stream || doc.run_start !== this.#start?.uid) return
    const first = this.#columns.length === 0
    this.#descriptor = doc.uid
    if (!first) return
    const fields = (this.#options.fields ?? this.#defaultFields(doc)).filter(f => f in doc.data_keys)
    this.#columns = fields.map(field => this.#column(field, doc.data_keys[field]!))
    this.#write(["", "", this.#rule(), this.#header(), this.#rule()])
  }

  override event(doc: Event): void {
    if (doc.descriptor !== this.#descriptor) return
    const cells = this.#columns.map(c => c.show(doc.data[c.field]).padStart(c.width))
    const time = this.#options.formatTime(doc.time).padStart(this.#options.minWidth)
    this.#write([`|${[String(doc.seq_num).padStart(10), time.padStart(11), ...cells].join(" |")} |`])
  }

  override event_page(page: EventPage): void {
    page.seq_num.forEach((seq_num, i) => {
      const at = (columns: Record<string, unknown[]>) =>
        Object.fromEntries(Object.entries(columns).map(([key, values]) => [key, values[i]]))
      this.event({
        ...page,
        seq_num,
        time: page.time[i]!,
        uid: page.uid[i]!,
        data: at(page.data),
        timestamps: {},
        filled: {},
      })
    })
  }

  override stop(doc: RunStop): void {
    const start = this.#start
    if (start === null || doc.run_start !== start.uid) return
    if (this.#columns.length > 0) {
      const type = start.plan_type === undefined ? "" : `${start.plan_type} `
      const ended =
        doc.exit_status === "success"
          ? ""
          : ` ${doc.exit_status}${doc.reason === "" ? "" : `: ${doc.reason}`}`
      const name = `${type}${start.plan_name ?? ""} ['${start.uid.slice(0, 8)}'] (scan num: ${start.scan_id ?? "-"})${ended}`
      this.#write([this.#rule(), name, "", "", ""])
    }
    this.#start = null
    this.#descriptor = null
    this.#columns = []
  }

  /** What was scanned, then what the devices hint at. */
  #defaultFields(doc: EventDescriptor): string[] {
    const scanned = (this.#start?.hints?.dimensions ?? []).flatMap(([fields, stream]) =>
      stream === this.#options.stream ? fields : [],
    )
    const hinted = Object.values(doc.hints).flatMap(h => h.fields ?? [])
    return [...new Set([...scanned, ...hinted])]
  }

  #column(field: string, key: DataKey): Column {
    const precision = key.precision ?? this.#options.defaultPrecision
    const show = (value: unknown): string => {
      if (typeof value === "number" && (key.dtype !== "integer" || !Number.isInteger(value))) {
        const size = Math.abs(value)
        // Fixed digits would show nothing of very small values and too many of very large ones.
        const fixed = value === 0 || (size >= 10 ** -precision / 2 && size < 1e9) || !Number.isFinite(value)
        return fixed ? value.toFixed(precision) : value.toExponential(Math.min(precision, 6))
      }
      if (ArrayBuffer.isView(value) || Array.isArray(value))
        return `[${(value as unknown as ArrayLike<unknown>).length}]`
      if (key.dtype === "array" && typeof value === "object" && value !== null)
        return `[${rowsOf(value as Record<string, ArrayLike<unknown>>)}]`
      return value === undefined ? "" : String(value)
    }
    return { field, width: Math.max(this.#options.minWidth, field.length) + 1, show }
  }

  #header(): string {
    const cells = this.#columns.map(c => c.field.padStart(c.width))
    return `|${["seq_num".padStart(10), "time".padStart(this.#options.minWidth + 1), ...cells].join(" |")} |`
  }

  #rule(): string {
    const widths = [10, this.#options.minWidth + 1, ...this.#columns.map(c => c.width)]
    return `+${widths.map(w => "-".repeat(w + 1)).join("+")}+`
  }

  #write(lines: readonly string[]): void {
    this.#options.write(`${lines.join("\n")}\n`)
  }
}

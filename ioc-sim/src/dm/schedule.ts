import type { Doc } from "./documents.ts"
import { DmRefusal } from "./errors.ts"

/** An ESAF or proposal with the station and beamline it belongs to; the document goes out as it is. */
export interface Scheduled {
  readonly document: Readonly<Doc>
  /** Absent: every station. */
  readonly station?: string
  /** Absent: every beamline. */
  readonly beamline?: string
  /** Of a proposal: the run cycle, e.g. `2026-1`. */
  readonly runName?: string
}

const fits = (wanted: unknown, own: string | undefined): boolean =>
  wanted === undefined || wanted === "" || own === undefined || own === wanted

/** What the APS database tells: ESAFs, proposals and the current run. Documents are the test's own. */
export class Schedule {
  readonly esafs: Scheduled[]
  readonly proposals: Scheduled[]
  currentRun: Doc

  constructor(content: { esafs?: readonly Scheduled[]; proposals?: readonly Scheduled[]; currentRun: Doc }) {
    this.esafs = [...(content.esafs ?? [])]
    this.proposals = [...(content.proposals ?? [])]
    this.currentRun = content.currentRun
  }

  stationEsafs(args: Readonly<Doc>): Readonly<Doc>[] {
    return this.#esafs(args).filter(
      e => args.year === undefined || String(e.experimentStartDate ?? "").startsWith(String(args.year)),
    )
  }

  /** Those that overlap the days `startDate` to `endDate`. */
  stationEsafsByDateRange(args: Readonly<Doc>): Readonly<Doc>[] {
    const from = String(args.startDate ?? "")
    const to = String(args.endDate ?? "9999")
    return this.#esafs(args).filter(
      e =>
        String(e.experimentEndDate ?? "9999").slice(0, 10) >= from &&
        String(e.experimentStartDate ?? "").slice(0, 10) <= to,
    )
  }

  esaf(args: Readonly<Doc>): Readonly<Doc> {
    const found = this.#esafs(args).find(e => String(e.esafId) === String(args.esafId))
    if (found === undefined) throw new DmRefusal("ObjectNotFound", `ESAF ${args.esafId} does not exist`)
    return found
  }

  stationProposals(args: Readonly<Doc>): Readonly<Doc>[] {
    return this.#proposals(args)
  }

  /** Ids may come padded with zeros. */
  proposal(args: Readonly<Doc>): Readonly<Doc> {
    const found = this.#proposals(args).find(p => Number(p.id) === Number(args.id))
    if (found === undefined) throw new DmRefusal("ObjectNotFound", `proposal ${args.id} does not exist`)
    return found
  }

  #esafs(args: Readonly<Doc>): Readonly<Doc>[] {
    return this.esafs
      .filter(e => fits(args.station, e.station) && fits(args.beamline, e.beamline))
      .map(e => e.document)
  }

  #proposals(args: Readonly<Doc>): Readonly<Doc>[] {
    return this.proposals
      .filter(
        p =>
          fits(args.station, p.station) && fits(args.beamline, p.beamline) && fits(args.runName, p.runName),
      )
      .map(p => p.document)
  }
}

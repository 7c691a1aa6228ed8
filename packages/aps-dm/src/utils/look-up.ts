import type { DmClient } from "../client/index.ts"
import type { DmEsaf, DmProposal } from "../wire/index.ts"
import { checkExperimentName } from "./experiments.ts"

/** Someone of an experiment, a proposal or an ESAF. */
export interface ExperimentUser {
  readonly badge: string
  readonly name: string
  readonly email: string
  /** Principal investigator. */
  readonly pi: boolean
}

export interface LookUpOptions {
  experiment: string
  /** Number of an ESAF. */
  esaf?: number | string | undefined
  /** Number of a proposal. */
  proposal?: number | string | undefined
  /** Run cycle of the proposal, e.g. `2026-1`; default the present one. */
  cycle?: string | undefined
}

/** Metadata of a run about whose and what the experiment is. Plain texts, numbers and flags, so that all can hold it. */
export interface ExperimentMetadata {
  readonly experiment: {
    readonly name: string
    readonly id: string
    readonly type: string
    readonly station: string
    readonly start: string
    readonly end: string
  }
  /** Accounts that DM lets see the experiment. */
  readonly users: readonly string[]
  readonly esaf?: { id: string; title: string; status: string; users: readonly ExperimentUser[] }
  readonly proposal?: { id: string; title: string; cycle: string; users: readonly ExperimentUser[] }
}

/**
 * Looks up whose the experiment is and what it is for, to be laid into the metadata of runs:
 * `md: { ...(await lookUpExperiment(dm, { experiment, esaf: 123456 })) }`.
 * @throws ObjectNotFound, CommunicationError, InvalidArgument
 */
export async function lookUpExperiment(
  dm: Pick<DmClient, "ds" | "aps">,
  options: LookUpOptions,
): Promise<ExperimentMetadata> {
  const { esaf, proposal } = options
  checkExperimentName(options.experiment)
  const cycle = proposal === undefined ? "" : (options.cycle ?? (await dm.aps.getCurrentRun()).name ?? "")
  const [experiment, foundEsaf, foundProposal] = await Promise.all([
    dm.ds.getExperimentByName(options.experiment),
    esaf === undefined ? null : dm.aps.getStationEsafById(esaf),
    proposal === undefined
      ? null
      : dm.aps.getStationProposalById(proposal, cycle === "" ? {} : { runName: cycle }),
  ])
  return {
    experiment: {
      name: experiment.name,
      id: String(experiment.id ?? ""),
      type: experiment.experimentType?.name ?? "",
      station: experiment.experimentStation?.name ?? experiment.stationName ?? "",
      start: experiment.startDate ?? "",
      end: experiment.endDate ?? "",
    },
    users: experiment.experimentUsernameList ?? [],
    ...(foundEsaf === null ? {} : { esaf: esafMetadata(foundEsaf) }),
    ...(foundProposal === null ? {} : { proposal: { ...proposalMetadata(foundProposal), cycle } }),
  }
}

const esafMetadata = (esaf: DmEsaf) => ({
  id: String(esaf.esafId),
  title: esaf.esafTitle ?? "",
  status: esaf.esafStatus ?? "",
  users: (esaf.experimentUsers ?? []).map(userOf),
})

const proposalMetadata = (proposal: DmProposal) => ({
  id: String(proposal.id),
  title: proposal.title ?? "",
  users: (proposal.experimenters ?? []).map(userOf),
})

type Person = NonNullable<DmEsaf["experimentUsers"]>[number]

const userOf = (person: Person): ExperimentUser => ({
  badge: String(person.badge ?? person["badgeNumber"] ?? person.id ?? ""),
  name: [person.firstName, person.lastName].filter(part => part !== undefined && part !== "").join(" "),
  email: person.email ?? "",
  // `Yes` in an ESAF, `Y` in a proposal.
  pi: /^y/i.test(person.piFlag ?? ""),
})

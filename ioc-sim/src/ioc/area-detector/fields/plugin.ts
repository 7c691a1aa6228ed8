/** Parameters that all plugins have: NDPluginBase.template of ADCore. */
import { bare, choice, disableEnable, double, long, noYes, r, rw, text, w } from "../parameters.ts"
import { arrayFields, seenFields } from "./array.ts"

/** What a plugin is called and to whom it listens at first. */
export interface PluginIdentity {
  /** Its asyn port. */
  readonly port: string
  /** PluginType_RBV. */
  readonly type: string
  /** Port of the source. Default the camera's. */
  readonly source?: string
  /** Whether it takes images when the IOC starts. Default no. */
  readonly enabled?: boolean
  /** Whether it passes images on when the IOC starts. Default yes. */
  readonly arrayCallbacks?: boolean
}

const seconds = { precision: 3, units: "s", limits: [0, 1e6] } as const

export const pluginFields = ({
  port,
  type,
  source = "SIM1",
  enabled = false,
  arrayCallbacks = true,
}: PluginIdentity) =>
  ({
    ...arrayFields(port, arrayCallbacks),
    ...seenFields,
    PluginType: r(text(type)),
    NDArrayPort: rw(text(source)),
    NDArrayAddress: rw(long()),
    EnableCallbacks: rw(choice(disableEnable, enabled ? 1 : 0), { severities: [0, 1] }),
    MinCallbackTime: rw(double(), seconds),
    MaxArrayRate: rw(double(), { precision: 3, units: "Hz", limits: [0, 1e6] }),
    MaxByteRate: rw(double(), { precision: 3, units: "byte/s", limits: [0, 1e15] }),
    BlockingCallbacks: rw(choice(noYes)),
    ExecutionTime: r(double(), { precision: 3, units: "ms" }),
    DroppedArrays: rw(long()),
    DroppedOutputArrays: rw(long()),
    DisorderedArrays: rw(long()),
    QueueSize: rw(long(20), { limits: [1, 10_000] }),
    QueueFree: bare(long(20)),
    QueueUse: bare(long()),
    NumThreads: rw(long(1)),
    MaxThreads: r(long(1)),
    SortMode: rw(choice(["Unsorted", "Sorted"])),
    SortTime: rw(double(0.1), { precision: 3 }),
    SortSize: rw(long(20)),
    SortFree: bare(long(20)),
    ProcessPlugin: w(choice(["", "Process"])),
  }) as const

export type PluginFields = ReturnType<typeof pluginFields>

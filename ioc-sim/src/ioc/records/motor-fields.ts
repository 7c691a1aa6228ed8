/** The fields of the motor record that clients use, with their published names, types and choices. */
import { double, long, menu, readOnly, short, text, ulong, units } from "./field.ts"

const noYes = ["NO", "YES"] as const

export const motorFields = {
  VAL: double(),
  DVAL: double(),
  RLV: double(),
  RVAL: long(),
  RBV: readOnly(double()),
  DRBV: readOnly(double()),
  RRBV: readOnly(long()),
  DIFF: readOnly(double()),
  DMOV: readOnly(short(1)),
  MOVN: readOnly(short()),
  OFF: double(),
  DIR: menu(["Pos", "Neg"]),
  SET: menu(["Use", "Set"]),
  FOFF: menu(["Variable", "Frozen"]),
  VELO: double(1),
  VBAS: double(),
  VMAX: double(),
  ACCL: double(0.2),
  BDST: double(),
  BVEL: double(1),
  BACC: double(0.2),
  DLY: double(),
  HLM: double(),
  LLM: double(),
  DHLM: double(),
  DLLM: double(),
  HLS: readOnly(short()),
  LLS: readOnly(short()),
  HLSV: menu(["NO_ALARM", "MINOR", "MAJOR", "INVALID"], 2),
  LVIO: readOnly(short()),
  MISS: readOnly(short()),
  RDBD: double(0.001),
  RTRY: short(3),
  RCNT: readOnly(short()),
  RMOD: menu(["Default", "Arithmetic", "Geometric", "In-Position"]),
  STOP: short(),
  SPMG: menu(["Stop", "Pause", "Move", "Go"], 3),
  HOMF: short(),
  HOMR: short(),
  ATHM: readOnly(short()),
  TWV: double(0.1),
  TWF: short(),
  TWR: short(),
  TDIR: readOnly(short()),
  MRES: double(0.001),
  ERES: double(0.001),
  SREV: long(200),
  UREV: double(0.2),
  OUT: text("@sim"),
  MSTA: readOnly(ulong()),
  CNEN: menu(["Disable", "Enable"], 1),
  STUP: menu(["OFF", "ON", "BUSY"]),
  SYNC: short(),
  UEIP: menu(noYes),
  PREC: short(4),
  EGU: units(),
}

export type MotorFields = typeof motorFields

/** Bits of MSTA. */
export const MotorStatus = {
  direction: 1 << 0,
  done: 1 << 1,
  highLimit: 1 << 2,
  atHome: 1 << 3,
  stalled: 1 << 6,
  present: 1 << 8,
  moving: 1 << 10,
  lowLimit: 1 << 13,
  homed: 1 << 14,
} as const

/** SPMG. */
export const Spmg = { stop: 0, pause: 1, move: 2, go: 3 } as const

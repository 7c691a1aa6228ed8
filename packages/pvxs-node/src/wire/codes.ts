/** Numbers on the wire; pvAccess protocol specification, "Protocol messages". */

export const magic = 0xca
export const protocolVersion = 2
export const headerBytes = 8

/** Bits of the header's flag byte. */
export const Flag = {
  control: 0x01,
  segmentMask: 0x30,
  segmentFirst: 0x10,
  segmentLast: 0x20,
  segmentMiddle: 0x30,
  fromServer: 0x40,
  bigEndian: 0x80,
} as const

export const Control = {
  setMarker: 0,
  ackMarker: 1,
  setByteOrder: 2,
  echoRequest: 3,
  echoResponse: 4,
} as const

export const Command = {
  beacon: 0,
  connectionValidation: 1,
  echo: 2,
  search: 3,
  searchResponse: 4,
  authnz: 5,
  aclChange: 6,
  createChannel: 7,
  destroyChannel: 8,
  connectionValidated: 9,
  get: 10,
  put: 11,
  putGet: 12,
  monitor: 13,
  array: 14,
  destroyRequest: 15,
  process: 16,
  getField: 17,
  message: 18,
  multipleData: 19,
  rpc: 20,
  cancelRequest: 21,
  originTag: 22,
} as const
export type Command = (typeof Command)[keyof typeof Command]

/** Bits of an operation's sub-command byte. */
export const Sub = {
  exec: 0x00,
  start: 0x44,
  stop: 0x04,
  startBit: 0x40,
  init: 0x08,
  destroy: 0x10,
  get: 0x40,
  pipeline: 0x80,
} as const

/** What both sides announce as the size of their type cache. */
export const registrySize = 0x7fff

import type { Component } from "./component.ts"
import { Device, type DeviceOptions } from "./device.ts"

/** Children under a name of their own, without a class for them. */
export type Group<M extends Record<string, Component>> = Device & Readonly<M>

class GroupDevice extends Device {
  constructor(members: Record<string, Component>, options: DeviceOptions) {
    super(options)
    for (const member of Object.values(members)) this.adopt(member)
    Object.assign(this, members)
  }
}

/** Makes a group: `readonly range = group({ low: this.signal.rw(double, "LO"), high: this.signal.rw(double, "HI") })`. */
export function group<M extends Record<string, Component>>(
  members: M,
  options: DeviceOptions = {},
): Group<M> {
  return new GroupDevice(members, options) as unknown as Group<M>
}

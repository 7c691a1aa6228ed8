/** What the two EPICS protocols share: addresses and settings, time, search schedule, and sockets that do not fail. */
export * from "./address-list.ts"
export * from "./clock.ts"
export * from "./environment.ts"
export * from "./errors.ts"
export * from "./search-schedule.ts"
export * from "./tcp-link.ts"
export * from "./timer-wheel.ts"
export * from "./udp-port.ts"

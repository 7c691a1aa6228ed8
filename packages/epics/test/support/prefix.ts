/** A first part of PV names that no other test has. */
export const randomPrefix = (): string => `t${Math.random().toString(36).slice(2, 10)}:`

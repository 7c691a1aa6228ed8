export {
  AssertionError,
  assertConfiguration,
  assertDescription,
  assertReading,
  assertValue,
  type EventuallyOptions,
  eventually,
} from "./assertions.ts"
export { type HeldPuts, holdPuts, onPut, putsOf, setMockMetadata, setMockValue } from "./mock.ts"
export { TestClock } from "./test-clock.ts"

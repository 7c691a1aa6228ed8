export { type HeldPuts, holdPuts, onPut, putsOf, setMockMetadata, setMockValue } from "./mock.ts"
export { TestClock } from "./test-clock.ts"

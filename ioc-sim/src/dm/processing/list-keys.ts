/** What a list of jobs holds for `keyList` "DEFAULT". */
export const defaultListKeys: readonly string[] = [
  "id",
  "owner",
  "status",
  "stage",
  "startTime",
  "endTime",
  "runTime",
  "startTimestamp",
  "endTimestamp",
  "errorMessage",
]

/** Keys that a job has of its own: an argument or output variable of that name would hide one. */
export const jobKeys: ReadonlySet<string> = new Set([
  "id",
  "owner",
  "status",
  "stage",
  "workflow",
  "countFiles",
  "errorMessage",
  "submissionTime",
  "submissionTimestamp",
  "startTime",
  "startTimestamp",
  "endTime",
  "endTimestamp",
  "runTime",
])

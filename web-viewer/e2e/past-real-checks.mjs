export async function pastRealChecks() {}

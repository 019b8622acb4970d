/** Does `work`; closes what it needs if it fails, else the caller has it to close. */
export async function orClose<T>(needed: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await needed.close();
    throw error;
  }
}

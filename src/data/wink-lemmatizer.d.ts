declare module 'wink-lemmatizer' {
  /** Base forms after WordNet's Morphy; a word that it does not know comes back unchanged. Lower case only. */
  const lemmatizer: Record<'verb' | 'noun' | 'adjective', (word: string) => string>;
  export default lemmatizer;
}

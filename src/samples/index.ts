export { sampleEntities, type TaggedSentence } from './entities.ts';
export { samplePublicText, sampleReviews, type Review } from './reviews.ts';

export { samplePublicText, sampleReviews, type Review } from './reviews.ts';

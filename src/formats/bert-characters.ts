/**
 * Character classes of BERT's normaliser and word splitter as Hugging Face `tokenizers` has them: its category tables
 * are those of Unicode 8, while the regular expressions of JavaScript follow Unicode 15 to 17. Found by running
 * tokenizers 0.23.3 on every code point; the same sweep is a test.
 */
const r = String.raw;

/** Marks, punctuation and format characters younger than Unicode 8: plain letters to `tokenizers`. */
const YOUNG = [
  r`\u061D\u07FD\u0890-\u089F\u08CA-\u08E2\u09FD\u09FE\u0A76\u0AFA-\u0AFF\u0B55\u0C04\u0C3C\u0C77\u0C84`,
  r`\u0D00\u0D3B\u0D3C\u0D81\u0EBA\u0ECE\u180F\u1885\u1886\u1ABF-\u1AEB\u1B4E\u1B4F\u1B7D-\u1B7F`,
  r`\u1DF6-\u1DFB\u2E43-\u2E4F\u2E52-\u2E5D\uA82C\uA8C5\uA8FF\uA9BD\u{105C9}\u{105E4}\u{10D24}-\u{10D27}`,
  r`\u{10D69}-\u{10D6E}\u{10EAB}-\u{10EAD}\u{10ED0}\u{10EFA}-\u{10EFF}\u{10F46}-\u{10F50}`,
  r`\u{10F55}-\u{10F59}\u{10F82}-\u{10F89}\u{11070}\u{11073}\u{11074}\u{110C2}-\u{110CD}\u{111CF}`,
  r`\u{1123E}\u{11241}\u{1133B}\u{11383}\u{11385}\u{1138E}\u{11391}\u{113BB}-\u{113C0}`,
  r`\u{113C5}-\u{113C8}\u{113CE}\u{113D0}\u{113D2}\u{113D4}-\u{113E2}\u{11438}-\u{1143F}`,
  r`\u{11442}-\u{11444}\u{11446}\u{1144B}-\u{1144F}\u{1145A}-\u{1145E}\u{11660}-\u{1166C}\u{116B9}`,
  r`\u{1182F}-\u{11837}\u{11839}-\u{1183B}\u{11938}-\u{1193C}\u{1193E}\u{11943}-\u{11946}`,
  r`\u{119D4}-\u{119DB}\u{119E0}\u{119E2}\u{11A01}-\u{11A0A}\u{11A33}-\u{11A38}\u{11A3B}-\u{11A47}`,
  r`\u{11A51}-\u{11A56}\u{11A59}-\u{11A5B}\u{11A8A}-\u{11A96}\u{11A98}-\u{11A9C}\u{11A9E}-\u{11AA2}`,
  r`\u{11B00}-\u{11B09}\u{11B60}\u{11B62}-\u{11B64}\u{11B66}\u{11BE1}\u{11C30}-\u{11C3D}\u{11C3F}`,
  r`\u{11C41}-\u{11C45}\u{11C70}\u{11C71}\u{11C92}-\u{11CA7}\u{11CAA}-\u{11CB0}\u{11CB2}\u{11CB3}`,
  r`\u{11CB5}\u{11CB6}\u{11D31}-\u{11D45}\u{11D47}\u{11D90}\u{11D91}\u{11D95}\u{11D97}\u{11EF3}\u{11EF4}`,
  r`\u{11EF7}-\u{11F01}\u{11F36}-\u{11F3A}\u{11F40}\u{11F42}-\u{11F4F}\u{11F5A}\u{11FFF}\u{12FF1}`,
  r`\u{12FF2}\u{13430}-\u{13440}\u{13447}-\u{13455}\u{1611E}-\u{16129}\u{1612D}-\u{1612F}`,
  r`\u{16D68}-\u{16D6A}\u{16D6D}-\u{16D6F}\u{16E97}-\u{16E9A}\u{16F4F}\u{16FE2}\u{16FE4}`,
  r`\u{1CF00}-\u{1CF46}\u{1E000}-\u{1E02A}\u{1E08F}\u{1E130}-\u{1E136}\u{1E2AE}\u{1E2EC}-\u{1E2EF}`,
  r`\u{1E4EC}-\u{1E4EF}\u{1E5EE}\u{1E5EF}\u{1E5FF}\u{1E6E3}\u{1E6E6}\u{1E6EE}\u{1E6EF}\u{1E6F5}`,
  r`\u{1E944}-\u{1E94A}\u{1E95E}\u{1E95F}`,
].join('');

const ASCII_PUNCTUATION = r`!-\/:-@\[-\x60\{-~`;
const PUNCTUATION = r`(?![${YOUNG}])[${ASCII_PUNCTUATION}\p{P}\u166D\u{111C9}]`;

/** A character that no rule changes. */
export const PLAIN: RegExp = new RegExp(`[${YOUNG}]`, 'u');
/** White space that survives cleaning: Unicode's White_Space less its control characters, plus tab, line feed, return. */
export const SPACE: RegExp = /[\t\n\r\p{Zs}\u2028\u2029]+/u;
/** Control, format and private characters, NUL, U+FFFD; and lone surrogates, which are no text. */
export const DROPPED: RegExp = new RegExp(r`(?![\t\n\r${YOUNG}])[\uFFFD\p{Cc}\p{Cf}\p{Co}\p{Cs}]`, 'gu');
/** Non-spacing marks, dropped after decomposition where accents are stripped. */
export const MARK: RegExp = new RegExp(`(?![${YOUNG}\\u{111C9}])[\\p{Mn}\\u1734\\u{1171E}]`, 'gu');
/** The ideographs that get spaces around them. */
export const IDEOGRAPH: RegExp =
  /[\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu;
/** One punctuation mark, or a run without any. */
export const WORD: RegExp = new RegExp(`${PUNCTUATION}|(?:(?!${PUNCTUATION})[^])+`, 'gu');
/** Text in which only letters, digits and ASCII punctuation occur. */
export const ASCII: RegExp = /^[!-~]*$/;
export const ASCII_WORD: RegExp = new RegExp(`[${ASCII_PUNCTUATION}]|[^${ASCII_PUNCTUATION}]+`, 'g');

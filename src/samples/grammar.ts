/** Words of one language's reviews. Every place in a sentence has a noun's grammatical gender, where the language has one. */
export interface Grammar {
  readonly code: 'en' | 'es';
  readonly things: readonly Thing[];
  readonly openings: readonly string[];
  /** `{the}` the thing with its article, `{is}` its verb, `{x}` an opinion. */
  readonly frames: readonly string[];
  /** Frames whose opinion is denied, so that its polarity turns. */
  readonly denials: readonly string[];
  readonly facts: readonly string[];
  /** How public reviews are headed; private ones have no title. */
  readonly titles: { readonly positive: readonly string[]; readonly negative: readonly string[] };
  readonly endings: { readonly positive: readonly string[]; readonly negative: readonly string[] };
  readonly opinions: { readonly positive: readonly Opinion[]; readonly negative: readonly Opinion[] };
  readonly intensifiers: readonly string[];
  readonly but: string;
}

/** A thing with its article; Spanish nouns also carry gender and number. */
interface Thing {
  readonly the: string;
  readonly feminine?: boolean;
}

/** Masculine and feminine form; equal where the language or the word has one. */
type Opinion = readonly [masculine: string, feminine: string];

const same = (...words: string[]): Opinion[] => words.map((word) => [word, word]);
const pairs = (...stems: string[]): Opinion[] => stems.map((stem) => [`${stem}o`, `${stem}a`]);

const english: Grammar = {
  code: 'en',
  things: [
    'the room',
    'the kettle',
    'the waiter',
    'the soup',
    'the battery',
    'the screen',
    'the delivery',
    'the novel',
    'the plot',
    'the keyboard',
    'the mattress',
    'the staff',
    'the price',
    'the coffee',
    'the garden',
    'the film',
    'the music',
    'the camera',
    'the zip',
    'the fabric',
    'the course',
    'the teacher',
    'the app',
    'the support',
    'the manual',
    'the sound',
    'the bread',
    'the view',
    'the blender',
    'the chair',
    'the tour',
    'the guide',
    'the pillow',
    'the charger',
    'the paint',
    'the tent',
  ].map((the) => ({ the })),
  openings: [
    'we came here in {month}',
    'i bought this for my {person}',
    'my {person} told me about it',
    'ordered it in {month}',
    'second time for us',
    'i use it every day',
    'this was a gift from my {person}',
    'we stayed for two nights',
    'picked it after reading many reviews',
    'tried it last {month}',
  ],
  frames: [
    '{the} was {x}',
    '{the} is {x}',
    'i found {the} {x}',
    '{the} turned out to be {x}',
    'we thought {the} was {x}',
    '{the} looked {x} to me',
    'everyone agreed that {the} was {x}',
  ],
  denials: [
    '{the} was not {x}',
    '{the} is never {x}',
    'nobody would call {the} {x}',
    'i would not say {the} was {x}',
  ],
  facts: [
    'it arrived on a tuesday',
    'the box is blue',
    'there were four of us',
    'we paid by card',
    'it is near the station',
    'the label is in two languages',
    'it comes in three sizes',
    'we sat by the window',
    'it weighs about a kilo',
  ],
  titles: {
    positive: ['five stars', 'four stars', 'thumbs up', 'good buy', 'recommended'],
    negative: ['one star', 'two stars', 'thumbs down', 'poor buy', 'not recommended'],
  },
  endings: {
    positive: [
      'i would buy it again',
      'we will come back',
      'highly recommended',
      'worth every cent',
      'five stars from me',
      'my {person} loves it',
      'could not be happier',
      'a pleasure from start to end',
    ],
    negative: [
      'i want my money back',
      'we will not return',
      'stay away',
      'a waste of time',
      'one star is too much',
      'my {person} regrets it',
      'never again',
      'i sent it back',
    ],
  },
  opinions: {
    positive: same(
      'excellent',
      'lovely',
      'superb',
      'reliable',
      'delightful',
      'friendly',
      'brilliant',
      'comfortable',
      'charming',
      'flawless',
      'generous',
      'wonderful',
      'solid',
      'elegant',
      'impressive',
      'pleasant',
      'fantastic',
      'helpful',
      'great',
      'perfect',
    ),
    negative: same(
      'awful',
      'broken',
      'dull',
      'rude',
      'flimsy',
      'disappointing',
      'terrible',
      'useless',
      'noisy',
      'dirty',
      'boring',
      'overpriced',
      'horrible',
      'clumsy',
      'careless',
      'unpleasant',
      'poor',
      'dreadful',
      'faulty',
      'bad',
    ),
  },
  intensifiers: ['', '', 'really ', 'very ', 'quite ', 'so ', 'rather '],
  but: 'but',
};

const spanish: Grammar = {
  code: 'es',
  things: [
    ...[
      'el cuarto',
      'el hervidor',
      'el camarero',
      'el libro',
      'el argumento',
      'el teclado',
      'el servicio',
      'el precio',
      'el jardín',
      'el café',
      'el sonido',
      'el curso',
      'el profesor',
      'el manual',
      'el pan',
      'el paseo',
      'el guía',
      'el cargador',
      'el colchón',
    ].map((the) => ({ the })),
    ...[
      'la habitación',
      'la sopa',
      'la batería',
      'la pantalla',
      'la entrega',
      'la novela',
      'la película',
      'la música',
      'la cámara',
      'la tela',
      'la profesora',
      'la aplicación',
      'la vista',
      'la silla',
      'la almohada',
      'la pintura',
      'la comida',
      'la tienda',
    ].map((the) => ({ the, feminine: true })),
  ],
  openings: [
    'vinimos en {month}',
    'lo compré para mi {person}',
    'mi {person} me habló de esto',
    'lo pedí en {month}',
    'segunda vez para nosotros',
    'lo uso todos los días',
    'fue un regalo de mi {person}',
    'nos quedamos dos noches',
    'lo elegí después de leer muchas opiniones',
    'lo probé el pasado {month}',
  ],
  frames: [
    '{the} fue {x}',
    '{the} es {x}',
    'me pareció {x} {the}',
    '{the} resultó {x}',
    'creemos que {the} fue {x}',
    'todos dijeron que {the} era {x}',
  ],
  denials: [
    '{the} no fue {x}',
    '{the} nunca es {x}',
    'nadie diría que {the} fue {x}',
    'no diría que {the} era {x}',
  ],
  facts: [
    'llegó un martes',
    'la caja es azul',
    'éramos cuatro',
    'pagamos con tarjeta',
    'está cerca de la estación',
    'la etiqueta viene en dos idiomas',
    'hay tres tallas',
    'nos sentamos junto a la ventana',
    'pesa cerca de un kilo',
  ],
  titles: {
    positive: ['cinco estrellas', 'cuatro estrellas', 'me gusta', 'buena compra', 'recomendado'],
    negative: ['una estrella', 'dos estrellas', 'no me gusta', 'mala compra', 'no recomendado'],
  },
  endings: {
    positive: [
      'lo compraría otra vez',
      'volveremos',
      'muy recomendable',
      'vale cada céntimo',
      'cinco estrellas',
      'a mi {person} le encanta',
      'no podría estar más contento',
      'un placer de principio a fin',
    ],
    negative: [
      'quiero que me devuelvan el dinero',
      'no volveremos',
      'aléjense',
      'una pérdida de tiempo',
      'una estrella es demasiado',
      'mi {person} se arrepiente',
      'nunca más',
      'lo devolví',
    ],
  },
  opinions: {
    positive: [
      ...pairs(
        'magnífic',
        'precios',
        'estupend',
        'cómod',
        'generos',
        'maravillos',
        'sólid',
        'perfect',
        'buen',
        'simpátic',
        'bonit',
      ),
      ...same(
        'excelente',
        'brillante',
        'elegante',
        'impresionante',
        'agradable',
        'impecable',
        'genial',
        'amable',
      ),
    ],
    negative: [
      ...pairs(
        'rot',
        'aburrid',
        'ruidos',
        'suci',
        'car',
        'mal',
        'defectuos',
        'pésim',
        'lent',
        'feísim',
        'antipátic',
      ),
      ...same(
        'horrible',
        'terrible',
        'inútil',
        'decepcionante',
        'desagradable',
        'lamentable',
        'frágil',
        'deficiente',
      ),
    ],
  },
  intensifiers: ['', '', 'muy ', 'bastante ', 'realmente ', 'tan '],
  but: 'pero',
};

export const grammars: readonly Grammar[] = [english, spanish];

export const fillers: Record<
  Grammar['code'],
  { readonly month: readonly string[]; readonly person: readonly string[] }
> = {
  en: {
    month: ['january', 'march', 'april', 'june', 'july', 'august', 'october', 'december'],
    person: [
      'sister',
      'brother',
      'mother',
      'father',
      'neighbour',
      'friend',
      'colleague',
      'daughter',
      'son',
      'aunt',
    ],
  },
  es: {
    month: ['enero', 'marzo', 'abril', 'junio', 'julio', 'agosto', 'octubre', 'diciembre'],
    person: ['hermana', 'hermano', 'madre', 'padre', 'vecino', 'amiga', 'colega', 'hija', 'hijo', 'tía'],
  },
};

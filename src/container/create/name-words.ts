/** The left half of generated names: moods and manners. */
export const ADJECTIVES: readonly string[] = (
  'able agile airy amber amused apt ardent artful avid balmy blithe bold brave breezy bright brisk bubbly ' +
  'calm candid careful cheery chipper civil clear clever cordial cosy crafty crisp curious daring dapper deft ' +
  'devoted droll dulcet eager earnest easy elated epic exact fair fancy festive fleet fluent fond frank fresh ' +
  'frosty gallant gentle giddy glad gleeful golden graceful grand happy hardy hearty helpful honest humble ' +
  'idyllic intent jaunty jolly jovial joyful keen kind lively loyal lucid lucky lunar mellow merry mighty ' +
  'mindful modest neat nimble noble patient peppy perky placid playful plucky poised polite proud quick quiet ' +
  'quirky radiant ready regal rosy rustic sage serene sharp silver sincere sleek smart snug solar spry stellar ' +
  'steady stoic sturdy subtle sunny sure swift tender thrifty tidy tranquil trusty upbeat valiant vivid warm ' +
  'wise witty wry zany zealous zesty'
).split(' ');

/** The right half: people whose work computers, networks and science stand on. */
export const SURNAMES: readonly string[] = (
  'abel agnesi allen antonelli archimedes babbage backus banach bardeen bartik bell berners bernoulli bhabha ' +
  'bohr boole borg brattain cantor carson cerf chandrasekhar church clarke cocks codd cori corbato cray curie ' +
  'dahl darwin davies dijkstra dirac easley einstein elion engelbart erdos euclid euler faraday fermat fermi ' +
  'feynman floyd fourier franklin galileo galois gauss germain godel goldberg goodall gosling hamilton hawking ' +
  'heisenberg hertz hilbert hoare hodgkin holberton hopper huffman hypatia jacquard joliot kahn kalman karp ' +
  'kay kepler kernighan kilby knuth kovalevskaya lamarr lamport laplace leibniz liskov lovelace mandelbrot ' +
  'maxwell mcclintock mccarthy meitner mendel mendeleev milner minsky mirzakhani moore morse nash naur nelson ' +
  'newton noether noyce nygaard pascal pasteur pauling perlis perlman planck poincare postel ptolemy ramanujan ' +
  'ride riemann ritchie rivest roentgen rubin sammet shamir shannon shockley snyder spence stallman stroustrup ' +
  'tarjan tesla thompson torvalds turing vaughan volta wiles wilkes wing wirth wozniak yonath zuse'
).split(' ');

/** What a place of a pattern allows: its characters, or alternatives of further pieces. */
interface Piece {
  characters: string;
  choices: Piece[][];
  least: number;
  most: number;
}

const CLASSES: Record<string, string> = {
  d: "0123456789",
  w: "abcdefghijklmnopqrstuvwxyz0123456789_",
  s: " ",
};
const ANY = "abcdefghijklmnopqrstuvwxyz";

/**
 * A text that a regular expression is likely to match. It knows literals, classes, groups, alternatives
 * and repetitions; whoever uses the text tests it.
 * @param seed makes different texts where the pattern leaves a choice.
 */
export function samplePattern(pattern: string, seed: number): string {
  const reader = { text: pattern, at: 0 };
  let turn = seed;
  const next = (size: number) => {
    const index = turn % size;
    turn = Math.floor(turn / size) + 7 * (index + 1);
    return index;
  };
  const write = (pieces: readonly Piece[]): string =>
    pieces
      .map(({ characters, choices, least, most }) => {
        const times = least === 0 && most > 0 ? 1 : Math.min(Math.max(least, 1), most);
        return Array.from({ length: Math.max(least, Math.min(times + 3, most)) }, () =>
          choices.length > 0
            ? write(choices[next(choices.length)] ?? [])
            : (characters[next(characters.length)] ?? ""),
        ).join("");
      })
      .join("");
  const choices = readChoices(reader);
  return write(choices[next(choices.length)] ?? []);
}

interface Reader {
  text: string;
  at: number;
}

function readChoices(reader: Reader): Piece[][] {
  const choices: Piece[][] = [[]];
  while (reader.at < reader.text.length && reader.text[reader.at] !== ")") {
    const character = reader.text[reader.at] ?? "";
    reader.at += 1;
    if (character === "|") choices.push([]);
    else if (character !== "^" && character !== "$") {
      choices.at(-1)?.push(readRepetition(reader, readPiece(reader, character)));
    }
  }
  reader.at += 1;
  return choices;
}

function readPiece(reader: Reader, character: string): Piece {
  const piece = { characters: character, choices: [], least: 1, most: 1 };
  if (character === ".") return { ...piece, characters: ANY };
  if (character === "(") {
    const prefix = /^\?(?::|[=!])/.exec(reader.text.slice(reader.at))?.[0] ?? "";
    reader.at += prefix.length;
    return { ...piece, choices: readChoices(reader) };
  }
  if (character === "[") return { ...piece, characters: readClass(reader) };
  if (character === "\\") {
    const escaped = reader.text[reader.at] ?? "";
    reader.at += 1;
    return { ...piece, characters: CLASSES[escaped] ?? escaped };
  }
  return piece;
}

function readClass(reader: Reader): string {
  const end = reader.text.indexOf("]", reader.at + 1);
  const text = reader.text.slice(reader.at, end < 0 ? undefined : end);
  reader.at = end < 0 ? reader.text.length : end + 1;
  if (text.startsWith("^")) return ANY;
  const ranges = text.replace(/\\(.)/g, (_, escaped: string) => CLASSES[escaped] ?? escaped);
  return ranges.replace(/(.)-(.)/g, (_, from: string, to: string) => {
    const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
    const size = Math.max(0, last - first + 1);
    return String.fromCharCode(...Array.from({ length: size }, (_one, index) => first + index));
  });
}

function readRepetition(reader: Reader, piece: Piece): Piece {
  const rest = reader.text.slice(reader.at);
  const found = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/.exec(rest);
  if (!found) return piece;
  reader.at += found[0].length;
  const [, sign, least, comma, most] = found;
  if (sign) return { ...piece, least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : 8 };
  const minimum = Number(least);
  return { ...piece, least: minimum, most: comma ? Number(most || minimum + 4) : minimum };
}

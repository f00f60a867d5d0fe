/** Whether it is there as it is, in hexadecimal digits or in Base64, wherever a group of that begins. */
export function holds(copy: string, text: string): boolean {
  const inBase64 = [0, 1, 2].map((before) =>
    Buffer.from(" ".repeat(before) + text)
      .toString("base64")
      .slice(4, -4),
  );
  return [text, Buffer.from(text).toString("hex"), ...inBase64].some((shape) =>
    copy.includes(shape),
  );
}

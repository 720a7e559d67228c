"""The lines of a journal as bytes: from format 3 on, each has a number and a checksum."""

from zlib import crc32

from search.errors import JournalError

CHECKED_FORMAT = 3  # the first format with numbers and checksums
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# what precedes the number and the checksum, by the closing bracket of the line
_NO_WORDS = ("", "")  # an array has no keys
_WORDS = {"}": ('"line":', '"crc":')}


class JournalLines:
    """Encode or check the lines of one journal in their order, beginning with the first one.

    A line is the JSON text of an event. From `format` 3 on its number (1-based) and its
    checksum are the last two entries: `"line":7,"crc":123` of an object, `7,123` of an array. The
    checksum is the CRC-32 of all bytes before it, started with the checksum of the previous line.
    So a line fits only after the lines that it was written after: a changed, missing, repeated or
    moved line is found, and so is one of another journal.
    """

    def __init__(self, format: int) -> None:
        self.format = format
        self.number = 0
        self._checked = format >= CHECKED_FORMAT
        self._crc = 0

    def encode(self, text: str) -> bytes:
        """Return the next line, with its line end."""
        self.number += 1
        if not self._checked:
            return text.encode() + b"\n"
        closing = text[-1]
        number, checksum = _WORDS.get(closing, _NO_WORDS)
        head = f"{text[:-1]},{number}{self.number}".encode()
        self._crc = crc32(head, self._crc)
        return head + f",{checksum}{self._crc}{closing}\n".encode()

    def decode(self, line: bytes) -> str:
        """Return the text of the next line, without its number and checksum.

        A line end of CR LF and a byte order mark in the first line are accepted: some editors add
        them.

        Raises: JournalError when the line is not the one that was written here; ValueError when it
        is not UTF-8 text.
        """
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        if self.number == 0:
            content = content.removeprefix(BYTE_ORDER_MARK)
        if self._checked:
            content = self._verified(content)
        self.number += 1
        return content.decode()

    def _verified(self, content: bytes) -> bytes:
        closing = content[-1:].decode("latin-1")
        words = _WORDS.get(closing, _NO_WORDS)
        head, _, last = content.rpartition(b",")
        body, _, number = head.rpartition(b",")
        found = number.removeprefix(words[0].encode())
        if not last[:-1].removeprefix(words[1].encode()).isdigit():
            raise JournalError("it does not end with its line number and checksum")
        crc = crc32(head, self._crc)
        if last != f"{words[1]}{crc}{closing}".encode():
            if found.isdigit() and int(found[:20]) != self.number + 1:
                raise JournalError(
                    f"its line number is {int(found[:20])}, so lines are missing, repeated or moved"
                )
            raise JournalError("its checksum does not match its content and the previous line")
        if found != str(self.number + 1).encode():
            raise JournalError(f"its line number is {found.decode()!r}")
        self._crc = crc
        return body + closing.encode()

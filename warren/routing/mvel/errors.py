"""The two ways in which a rule can be wrong: its text cannot be compiled, or what it does cannot be done."""

LONGEST_SENTENCE = 500
"""Characters: it may quote what somebody wrote."""


class MvelError(Exception):
    """The text cannot be compiled. Says where, and what is offered instead when that is known."""

    def __init__(self, sentence: str, *, text: str, offset: int) -> None:
        self.sentence = sentence if len(sentence) <= LONGEST_SENTENCE else f"{sentence[:LONGEST_SENTENCE]}…"
        self.offset = min(offset, len(text))
        """Index into the text."""
        self.line = text.count("\n", 0, self.offset) + 1
        self.column = self.offset - text.rfind("\n", 0, self.offset)
        super().__init__(f"{self.sentence} (line {self.line}, column {self.column})")


class RuleFailed(Exception):
    """What an exception of MVEL or Java would be: a rule asked something of a value that it cannot do."""

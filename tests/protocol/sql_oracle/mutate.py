"""Statements made of others by small accidents: most are refused, and those that Trino still takes are the odd ones."""

import re
from collections.abc import Sequence
from random import Random

TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\w+|\s+|=>|->|.""", re.DOTALL)
LONGEST = 2000
"""Statements of more letters stay out: an accident in the middle of a long list is seldom interesting."""
MOST_ACCIDENTS = 3


def mutated(seed: int, count: int, statements: Sequence[str]) -> list[str]:
    """As many statements as asked for, each one or a splice of two from those given. The same seed, the same ones."""
    random = Random(seed)
    taken_apart = [TOKEN.findall(sql) for sql in statements if 0 < len(sql) <= LONGEST]
    words = sorted({token for tokens in taken_apart for token in tokens if not token.isspace()})
    short = [word for word in words if len(word) < 20]
    return [_accident(random, taken_apart, short) for _ in range(count)]


def _accident(random: Random, taken_apart: Sequence[Sequence[str]], words: Sequence[str]) -> str:
    tokens = list(random.choice(taken_apart))
    for _ in range(random.randint(1, MOST_ACCIDENTS)):
        at = random.randrange(len(tokens))
        match random.randrange(7):
            case 0:
                tokens[at] = random.choice(words)
            case 1:
                tokens.insert(at, f" {random.choice(words)} ")
            case 2 if len(tokens) > 1:
                del tokens[at]
            case 3:
                tokens.insert(at, tokens[at])
            case 4:
                other = random.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 5:
                tokens[at:] = [token for token in tokens[at:] if not token.isspace() or random.random() < 0.5]
                tokens = tokens or [" "]
            case _:
                other_tokens = random.choice(taken_apart)
                start = random.randrange(len(other_tokens))
                tokens[at : at + 1] = other_tokens[start : start + random.randint(1, 12)]
    return "".join(tokens)

"""Trino's tokens as regular expressions: what is passed over unread, and at which words the scanner stops to look.

No expression here can backtrack far, whatever the text: repetitions are possessive, and alternatives differ in their first
character.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from string import ascii_letters

_RESERVED = """
    alter and as between by case cast constraint create cross cube current_catalog current_date current_path current_role
    current_schema current_time current_timestamp current_user deallocate delete describe distinct drop else end escape
    except exists extract false for from full group grouping having in inner insert intersect into is join json_array
    json_exists json_object json_query json_table json_value left like listagg localtime localtimestamp natural normalize
    not null on or order outer prepare recursive right rollup select table then trim true uescape union unnest using
    values when where with
"""
RESERVED = frozenset(_RESERVED.split())
"""Words that name nothing unless they are quoted."""

MAY_END = {"delete", "end", "null", "true", "false"} | {
    word for word in RESERVED if word.startswith(("current_", "local"))
}
"""Reserved words that may be a statement's last. MERGE may end in DELETE."""

COMMENT = r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/"
BLANK = rf"(?:\s++|--[^\r\n]*+|{COMMENT})*+"
"""White space and comments, if there are any."""

STRING = r"'[^']*+(?:''[^']*+)*+'"
QUOTED = r'"[^"]*+(?:""[^"]*+)*+"'

_DIGITS = r"[0-9](?:_?[0-9])*+"
_EXPONENT = rf"[eE][+-]?{_DIGITS}"

EXPRESSION, SELECTED, FROM, JOINS, RELATION, OPENED, SOURCE, BEFORE_AS, BEFORE_ON, BEFORE_IN = range(10)
ROUTINE, KILLING, ARGUMENTS, REST = range(10, 14)
Mode = int
"""What the scanner waits for at one level of parentheses:

- EXPRESSION: a query may begin, or be nested in it
- SELECTED: the select list, until its FROM
- FROM: what follows a relation, until another one or the clause's end; JOINS is the same for MERGE, where no comma ends it
- RELATION: a relation; OPENED: a relation or a query, behind a parenthesis; SOURCE: the relation of a MERGE
- BEFORE_AS, BEFORE_ON, BEFORE_IN: the word that decides what the statement is, or where its table stands
- ROUTINE: as EXPRESSION, in the text of an SQL function, where semicolons stand
- KILLING: the argument list of kill_query; ARGUMENTS: one of its arguments
- REST: nothing that matters any more
"""

LONGEST_RUN = 256
"""Tokens and small groups that one match may pass over: what keeps a slice short."""
LONGEST_GROUP = 32
"""Tokens in parentheses that are passed over as if they were one."""


def _words(stops: Iterable[str]) -> list[str]:
    """Alternatives for all words but those; what follows a dot is never one of those."""
    chain = r"\w*+(?:\.[A-Za-z_]\w*+){0,9}+"
    by_letter = defaultdict(list)
    for word in stops:
        by_letter[word[0]].append(word[1:])
    free = "".join(letter for letter in ascii_letters if letter.lower() not in by_letter)
    watched = [
        rf"[{letter}{letter.upper()}](?!(?i:{'|'.join(rests)})\b){chain}" for letter, rests in sorted(by_letter.items())
    ]
    return [rf"[{free}_]{chain}", *watched]


def _passed_over(stops: Iterable[str], *, comma: bool) -> str:
    """One token that means nothing to the scanner."""
    return "|".join(
        [
            rf"[\s=<>*+%!?:|&@^{{}}{',' if comma else ''}]++",
            *_words(stops),
            rf"[0-9](?:[0-9]*+[eE][+-][0-9]++|[0-9_]*+\.(?:{_DIGITS})?+(?:{_EXPONENT})?+|\w*+)",
            r"'[^']*+'",
            r'"[^"]*+"',
            rf"\.(?:{_DIGITS}(?:{_EXPONENT})?+|{BLANK}[A-Za-z_]\w*+)?+",
            r"-(?:-[^\r\n]*+)?+",
            rf"/(?:(?!\*)|{COMMENT[1:]})",
            r"\$(?:(?!\$)|\$[^$]*+(?:\$(?!\$)[^$]*+)*+\$\$)",
        ]
    )


_GROUP = rf"\((?:{_passed_over(['select', 'table'], comma=True)}){{0,{LONGEST_GROUP}}}+\)"
"""A pair of parentheses in which no query can hide: one that holds no other pair and neither SELECT nor TABLE."""

_DISTINCT_FROM = rf"(?=(?i:distinct\b){BLANK}(?i:from)\b)\w++{BLANK}\w++"


def _run(stops: str, *, comma: bool = True, groups: bool = True, before: str = "") -> re.Pattern[str]:
    words = stops.split()
    alternatives = "|".join(
        [*([before] if before else []), _passed_over(words, comma=comma), *([_GROUP] if groups else [])]
    )
    marks = r"[()\[\];]" if comma else r"[()\[\];,]"
    stop = "|".join([marks, *([rf"(?i:{'|'.join(words)})\b"] if words else [])])
    return re.compile(rf"(?:{alternatives}){{0,{LONGEST_RUN}}}+({stop})?+", re.ASCII)


_EXPRESSION = _run("select table with")
_AFTER_RELATION = _run("join where group having order union intersect except window", comma=False)
_REST = _run("")
RUNS: tuple[re.Pattern[str], ...] = (
    _EXPRESSION,
    _run("from table", before=_DISTINCT_FROM),
    _AFTER_RELATION,
    _AFTER_RELATION,
    _REST,
    _REST,
    _REST,
    _run("as"),
    _run("on"),
    _run("in"),
    _EXPRESSION,
    _run("", groups=False),
    _run("", comma=False),
    _REST,
)
"""By mode, what to pass over; the group is the word or mark to stop at. It is unset at the end of the text, at a character
that begins no token, and when the run got long."""
